// A map that grows until its table cannot.
// expect: out_of_memory | threw RangeError
// limits: timeoutMs=20000
export default () => {
  const map = new Map();
  for (let n = 0; ; n += 1) map.set(n, { n });
};
