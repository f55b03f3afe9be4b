// Reflect.apply and Function.prototype.call are replaced.
// expect: completed {"real":1}
export default () => {
  Reflect.apply = () => 'forged';
  Function.prototype.call = () => 'forged';
  Function.prototype.apply = () => 'forged';
  console.log('x');
  return { real: 1 };
};
