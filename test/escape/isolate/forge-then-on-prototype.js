// Every object is thenable: what awaits the guest's own result is the guest's own.
// expect: completed "forged"
export default async () => {
  Object.defineProperty(Object.prototype, 'then', {
    configurable: true,
    get() {
      delete Object.prototype.then;
      return (resolve) => resolve('forged');
    },
  });
  return { real: 1 };
};
