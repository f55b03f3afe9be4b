// The same, catching the refusals: the deadline ends it.
// expect: timed_out
export default () => {
  for (;;) {
    try {
      console.log('x');
    } catch {}
  }
};
