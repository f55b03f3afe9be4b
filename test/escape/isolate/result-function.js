// A function.
// expect: threw TypeError
export default () => () => 1;
