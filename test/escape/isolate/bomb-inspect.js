// A value that is huge once the console shows it.
// expect: completed "on" | threw RangeError | out_of_memory
export default () => {
  let tree = ['x'.repeat(9000)];
  for (let n = 0; n < 4; n += 1) tree = Array.from({ length: 60 }, () => tree);
  console.log(tree);
  return 'on';
};
