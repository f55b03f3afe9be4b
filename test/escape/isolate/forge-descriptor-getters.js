// Fields of property descriptors on Object.prototype poison what the platform defines.
// expect: completed ["function","function"]
export default () => {
  Object.prototype.value = 'forged';
  Object.prototype.writable = false;
  Object.prototype.get = () => 'forged';
  Object.prototype.set = () => {};
  return [typeof URL, typeof TextEncoder];
};
