// Rejections that nobody handles, with reasons that cannot be shown, end the call, as in Node, and no process.
// expect: threw Error
export default async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  for (const reason of [
    new Error('x'),
    proxy,
    null,
    Symbol('x'),
    {
      get stack() {
        throw 1;
      },
    },
  ]) {
    Promise.reject(reason);
    new Promise(() => {
      throw reason;
    });
  }
  await null;
  await new Promise((resolve) => setTimeout(resolve, 1));
  return 'on';
};
