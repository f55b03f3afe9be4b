// A comparator that grows what is sorted.
// expect: out_of_memory | timed_out | threw RangeError
// limits: timeoutMs=3000
export default () => {
  const list = Array.from({ length: 1000 }, (_, at) => at);
  for (;;) list.sort(() => (list.push(...list.slice(0, 1000)) % 2 ? 1 : -1));
};
