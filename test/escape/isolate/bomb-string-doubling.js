// A string that doubles until the engine refuses.
// expect: threw RangeError
export default () => {
  let text = 'x';
  for (;;) text += text;
};
