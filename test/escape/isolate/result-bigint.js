// A value that JSON cannot carry.
// expect: threw TypeError
export default () => 10n;
