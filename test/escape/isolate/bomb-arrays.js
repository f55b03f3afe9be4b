// Arrays fill the heap.
// expect: out_of_memory
export default () => {
  const held = [];
  for (;;) held.push(new Array(1000).fill(held.length + 0.5));
};
