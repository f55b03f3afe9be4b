// Half a gigabyte of text in one call, many times.
// expect: out_of_memory | threw RangeError
export default () => {
  const held = [];
  for (let n = 0; ; n += 1) held.push(Array.from('é'.padEnd(2 ** 24, String(n))).join(''));
};
