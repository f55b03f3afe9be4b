// A result so deep that stringify recurses out of its stack.
// expect: output_limit | threw RangeError
export default () => {
  let deep = [];
  for (let n = 0; n < 1e5; n += 1) deep = [deep];
  return deep;
};
