// One buffer that is larger than everything.
// expect: threw RangeError | out_of_memory
export default () => new Uint8Array(2 ** 40).length;
