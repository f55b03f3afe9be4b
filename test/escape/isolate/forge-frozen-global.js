// The global object is frozen: what was not there yet cannot be put there, and the call still ends.
// expect: completed {"real":1}
export default () => {
  Object.freeze(globalThis);
  Object.freeze(Object.prototype);
  try {
    console.log('x');
    setTimeout(() => {}, 1);
  } catch {}
  return { real: 1 };
};
