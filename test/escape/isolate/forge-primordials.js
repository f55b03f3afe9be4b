// All that the bootstrap might use is replaced at the top of the module, before it starts the tool.
// expect: completed [7,true,"RangeError"]
// limits: hostCalls=0
const { isFrozen } = Object;
const forged = () => 'forged';
JSON.parse = JSON.stringify = forged;
Reflect.apply = Reflect.get = Reflect.construct = forged;
Object.freeze = Object.defineProperty = (value) => value;
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = forged;
globalThis.eval = globalThis.Function = forged;
String.prototype.slice = forged;
const kind = RangeError;
globalThis.TypeError = globalThis.RangeError = globalThis.String = globalThis.Error = forged;
export default (input, host) => {
  let name = 'none';
  try {
    console.log('x');
  } catch (error) {
    name = error instanceof kind ? 'RangeError' : 'forged';
  }
  return [typeof input === 'object' ? 7 : input, isFrozen(host), name];
};
