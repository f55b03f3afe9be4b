// The host's functions do not show their source, and paths of the host are nowhere in stacks.
// expect: completed true
export default () => {
  const stack = (() => {
    try {
      null.x;
    } catch (error) {
      return error.stack;
    }
  })();
  return !/\/(work|home|usr|tmp|src)\//.test(stack + String(console.log) + String(setTimeout));
};
