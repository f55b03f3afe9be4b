// Array buffers lie outside the heap; allocation is refused or the worker is killed.
// expect: threw RangeError | out_of_memory
export default () => {
  const held = [];
  for (;;) held.push(new Uint8Array(1e7).fill(1));
};
