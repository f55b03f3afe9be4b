// A resizable buffer takes its pages from the system, past the allocator that counts array buffers.
// expect: out_of_memory
export default () => {
  const held = [];
  for (;;) {
    const buffer = new ArrayBuffer(8, { maxByteLength: 2 ** 28 });
    buffer.resize(2 ** 28);
    new Uint8Array(buffer).fill(1);
    held.push(buffer);
  }
};
