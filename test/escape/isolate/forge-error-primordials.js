// The same before an error is read.
// expect: threw Real
JSON.stringify = () => 'forged';
Reflect.apply = () => 'forged';
String.prototype.slice = () => 'forged';
globalThis.String = () => 'forged';
export default () => {
  const error = new Error('x');
  error.name = 'Real';
  throw error;
};
