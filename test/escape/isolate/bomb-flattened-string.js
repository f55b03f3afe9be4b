// A rope of half a gigabyte, flattened for the result.
// expect: output_limit | out_of_memory | threw RangeError
export default () => {
  let text = 'x';
  while (text.length < 2 ** 28) text += text;
  return text;
};
