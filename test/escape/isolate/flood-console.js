// Console without end: the budget of host calls ends it.
// expect: threw RangeError
export default () => {
  for (;;) console.log('x'.repeat(100));
};
