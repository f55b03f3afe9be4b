// No global that a script of V8 alone would not have, but those of the contract.
// expect: completed []
export default () => {
  const known = new Set(Object.getOwnPropertyNames(globalThis));
  const hostile = [
    'process',
    'require',
    'module',
    'exports',
    'Buffer',
    'global',
    'fetch',
    'WebAssembly',
    'SharedArrayBuffer',
    'Atomics',
    'sallyport',
    'ivm',
    '_ivm',
    'gc',
    'load',
    'read',
    'print',
    'quit',
    'Worker',
    'importScripts',
    'start',
    'fire',
  ];
  return hostile.filter((name) => known.has(name) || typeof globalThis[name] !== 'undefined');
};
