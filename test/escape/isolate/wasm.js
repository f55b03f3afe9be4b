// WebAssembly is not there, nor is a way to its memory.
// expect: completed "undefined"
export default () => typeof WebAssembly;
