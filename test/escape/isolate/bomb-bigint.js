// A number of thirty million digits, squared inside one operation of the engine.
// expect: timed_out | threw RangeError | out_of_memory
export default () => {
  let n = 3n;
  for (;;) n *= n;
};
