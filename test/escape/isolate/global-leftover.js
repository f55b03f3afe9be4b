// What is left on globals and prototypes is gone with the isolate.
// expect: completed false
export default () => {
  const seen = globalThis.leftover === 1 || {}.leftover === 1;
  globalThis.leftover = 1;
  Object.prototype.leftover = 1;
  return seen;
};
