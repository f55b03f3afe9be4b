// null is thrown.
// expect: threw Error
export default () => {
  throw null;
};
