// A huge text handed to the host through console.
// expect: completed "on" | out_of_memory
// limits: timeoutMs=15000
export default () => {
  console.log('x'.repeat(2 ** 27));
  return 'on';
};
