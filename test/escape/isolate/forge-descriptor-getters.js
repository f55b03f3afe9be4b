// Object.prototype.get and .value poison property descriptors.
// expect: completed "function"
export default () => {
  Object.prototype.value = 'forged';
  Object.prototype.writable = false;
  return typeof URL;
};
