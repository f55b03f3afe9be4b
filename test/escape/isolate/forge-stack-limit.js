// Error.stackTraceLimit and captureStackTrace are used against the reading of an error.
// expect: threw Error
export default () => {
  Object.defineProperty(Error, 'stackTraceLimit', {
    get() {
      throw new Error('read');
    },
  });
  const error = new Error('x');
  Error.captureStackTrace(globalThis);
  Object.defineProperty(error, 'stack', {
    get() {
      throw globalThis;
    },
  });
  throw error;
};
