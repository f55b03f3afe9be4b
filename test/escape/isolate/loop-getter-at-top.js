// The same, thrown by the module itself, outside any wrapper of ours.
// expect: timed_out
throw {
  get stack() {
    for (;;);
  },
  get message() {
    for (;;);
  },
  get name() {
    for (;;);
  },
};
export default () => 1;
