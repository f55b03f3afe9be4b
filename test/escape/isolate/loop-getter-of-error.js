// Getters of the thrown value loop while the error is read; no timer of isolated-vm ends that.
// expect: timed_out
export default () => {
  throw {
    get stack() {
      for (;;);
    },
    get message() {
      for (;;);
    },
  };
};
