// An array of four thousand million holes.
// expect: out_of_memory | threw RangeError | output_limit
// limits: timeoutMs=15000
export default () => new Array(2 ** 32 - 1);
