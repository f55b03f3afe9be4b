// Error.prepareStackTrace loops when the stack is read.
// expect: timed_out
export default () => {
  Error.prepareStackTrace = () => {
    for (;;);
  };
  throw new Error('x');
};
