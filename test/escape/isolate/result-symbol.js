// A symbol.
// expect: threw TypeError
export default () => Symbol('x');
