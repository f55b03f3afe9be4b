// Timers that fire for ever while the promise stays open.
// expect: timed_out
// limits: hostCalls=1000000
export default () => new Promise(() => setInterval(() => {}, 1));
