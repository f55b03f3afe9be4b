// A proxy that loops in every trap is thrown.
// expect: timed_out
export default () => {
  const loop = () => {
    for (;;);
  };
  throw new Proxy({}, { get: loop, has: loop, getPrototypeOf: loop, ownKeys: loop });
};
