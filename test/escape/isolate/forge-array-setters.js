// Setters on Array.prototype see every array that is filled by assignment.
// expect: completed {"real":1,"seen":0}
export default () => {
  let seen = 0;
  for (let at = 0; at < 10; at += 1) {
    Object.defineProperty(Array.prototype, at, {
      set() {
        seen += 1;
      },
      get() {
        return 'forged';
      },
      configurable: true,
    });
  }
  console.log('x');
  console.log('a', 'b');
  return { real: 1, seen };
};
