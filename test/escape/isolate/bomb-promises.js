// Promises and their reactions fill the heap before any of them runs.
// expect: out_of_memory
export default () => {
  for (;;) Promise.resolve().then(() => {});
};
