// A loop that begins after the isolate was re-entered for a timer.
// expect: timed_out
export default () =>
  new Promise(() =>
    setTimeout(() => {
      for (;;);
    }, 5),
  );
