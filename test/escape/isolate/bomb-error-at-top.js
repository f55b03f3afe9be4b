// A huge error message thrown by the module itself.
// expect: threw Error | out_of_memory
throw new Error('x'.repeat(2 ** 26));
export default () => 1;
