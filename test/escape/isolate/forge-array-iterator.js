// The array iterator is replaced before console and timers use arrays.
// expect: completed {"real":1}
export default () => {
  Array.prototype[Symbol.iterator] = function* forged() {
    yield 'forged';
  };
  console.log('x');
  return new Promise((resolve) => setTimeout(resolve, 1, { real: 1 }));
};
