// More timers than may wait.
// expect: threw RangeError
// limits: hostCalls=1000000
export default () => {
  for (;;) setTimeout(() => {}, 1e6);
};
