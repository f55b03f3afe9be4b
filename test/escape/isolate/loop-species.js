// The engine's own array code is led in circles.
// expect: timed_out | threw RangeError | out_of_memory
export default () => {
  class Trap extends Array {
    static get [Symbol.species]() {
      for (;;);
    }
  }
  return new Trap(1, 2).map((x) => x);
};
