// A cycle.
// expect: threw TypeError
export default () => {
  const cycle = {};
  cycle.cycle = cycle;
  return cycle;
};
