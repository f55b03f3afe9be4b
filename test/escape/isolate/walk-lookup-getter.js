// Accessors of globals and prototypes, taken out and called on the wrong things.
// expect: completed []
export default () => {
  const found = [];
  for (const holder of [globalThis, Object.prototype, Function.prototype, URL.prototype, console]) {
    for (const key of Reflect.ownKeys(holder)) {
      const { get, set } = Object.getOwnPropertyDescriptor(holder, key);
      for (const accessor of [get, set]) {
        for (const receiver of [undefined, null, globalThis, 1, {}]) {
          try {
            const value = accessor?.call(receiver, 'x');
            const make = value?.constructor?.constructor;
            if (typeof make === 'function' && make('return typeof process')() !== 'undefined')
              found.push(String(key));
          } catch (error) {
            if (error.constructor.constructor('return typeof process')() !== 'undefined')
              found.push(String(key));
          }
        }
      }
    }
  }
  return found;
};
