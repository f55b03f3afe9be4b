// An error that comes of a host call is the guest's own kind, with no way outside.
// expect: completed "undefined"
export default () => {
  try {
    for (;;) console.log('x');
  } catch (error) {
    return error.constructor.constructor('return typeof process')();
  }
};
