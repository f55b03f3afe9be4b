// The result is a thenable whose then never returns.
// expect: timed_out
export default () => ({
  then() {
    for (;;);
  },
});
