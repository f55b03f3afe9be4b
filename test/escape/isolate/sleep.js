// A timer far beyond the deadline.
// expect: timed_out
export default () => new Promise((resolve) => setTimeout(resolve, 1e9));
