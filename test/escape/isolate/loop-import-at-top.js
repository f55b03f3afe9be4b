// The module never finishes its own evaluation, by a promise that a timer keeps alive.
// expect: timed_out
// limits: hostCalls=1000000
await new Promise(() => setInterval(() => {}, 1));
export default () => 1;
