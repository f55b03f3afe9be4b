// A huge error message.
// expect: threw Error | out_of_memory
export default () => {
  throw new Error('x'.repeat(2 ** 26));
};
