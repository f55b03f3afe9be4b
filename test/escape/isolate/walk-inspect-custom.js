// What the console hands to a value's own inspect function leads nowhere but back into the isolate.
// expect: completed ["undefined","undefined","undefined"]
export default () => {
  const found = [];
  console.log({
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      for (const given of [depth, options, inspect])
        found.push(given.constructor.constructor('return typeof process')());
      return 'shown';
    },
  });
  return found;
};
