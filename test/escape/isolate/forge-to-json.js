// Object.prototype.toJSON changes nothing but the guest's own result.
// expect: completed "forged"
export default () => {
  Object.prototype.toJSON = () => 'forged';
  return { real: 1 };
};
