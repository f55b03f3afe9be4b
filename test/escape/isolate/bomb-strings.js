// Distinct strings fill the heap.
// expect: out_of_memory
export default () => {
  const held = [];
  for (let n = 0; ; n += 1) held.push('x'.repeat(1000) + n + 'y'.repeat(n % 1000));
};
