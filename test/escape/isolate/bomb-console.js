// A huge text handed to the host through console.
// expect: completed "on" | out_of_memory
export default () => {
  console.log('x'.repeat(2 ** 27));
  return 'on';
};
