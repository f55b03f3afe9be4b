// Many small buffers, each below any single limit.
// expect: threw RangeError | out_of_memory
export default () => {
  const held = [];
  for (;;) held.push(new Uint8Array(5000).fill(1));
};
