// The loop sits in toJSON of the result.
// expect: timed_out
export default () => ({
  toJSON() {
    for (;;);
  },
});
