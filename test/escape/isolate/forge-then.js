// Promise.prototype.then is replaced while the result is awaited.
// expect: completed {"real":1}
export default async () => {
  Promise.prototype.then = function then(resolve) {
    resolve({ forged: 1 });
  };
  Promise.resolve = () => ({ forged: 1 });
  return { real: 1 };
};
