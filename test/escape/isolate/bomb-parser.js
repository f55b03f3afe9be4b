// A syntax tree without end: the parser's memory is no part of the heap.
// expect: out_of_memory | threw EvalError | threw RangeError
export default () => {
  for (;;) new Function(`return ${'a+'.repeat(2 ** 24)}a`);
};
