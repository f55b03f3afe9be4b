// Promises and their reactions fill the heap before any of them runs.
// expect: out_of_memory
// limits: timeoutMs=15000
export default () => {
  for (;;) Promise.resolve().then(() => {});
};
