// An array of four thousand million holes.
// expect: out_of_memory | threw RangeError | output_limit
export default () => new Array(2 ** 32 - 1);
