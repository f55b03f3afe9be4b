// A huge error message.
// expect: threw Error | out_of_memory
// limits: timeoutMs=15000
export default () => {
  throw new Error('x'.repeat(2 ** 26));
};
