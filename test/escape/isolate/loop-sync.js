// A plain endless loop.
// expect: timed_out
export default () => {
  for (;;);
};
