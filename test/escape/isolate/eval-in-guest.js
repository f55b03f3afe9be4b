// eval and Function work, inside alone.
// expect: completed [3,"undefined"]
export default () => [eval('1 + 2'), new Function('return typeof process')()];
