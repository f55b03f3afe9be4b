// Numbers that JSON has no word for.
// expect: completed [0,null,null,1e+300]
export default () => [-0, NaN, Infinity, 1e300];
