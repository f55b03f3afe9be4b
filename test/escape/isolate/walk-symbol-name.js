// An error whose name is a symbol: formatting its stack throws, and in some sandboxes the host does the throwing.
// expect: completed "undefined"
export default () => {
  const error = new Error('x');
  error.name = Symbol('x');
  Error.prepareStackTrace = undefined;
  try {
    return String(error.stack).slice(0, 0) + typeof globalThis.process;
  } catch (thrown) {
    return thrown.constructor.constructor('return typeof process')();
  }
};
