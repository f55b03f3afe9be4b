// Parts of an error that are no strings.
// expect: threw Error
export default () => {
  throw { name: {}, message: Symbol('x'), stack: 5 };
};
