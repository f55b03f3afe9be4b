// A rejection that nobody handles, whose reason loops when it is looked at.
// expect: completed "on" | timed_out
export default async () => {
  const loop = () => {
    for (;;);
  };
  Promise.reject(new Proxy(new Error('x'), { get: loop, getPrototypeOf: loop, ownKeys: loop }));
  return 'on';
};
