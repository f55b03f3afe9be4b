// The call has returned; an error in a later microtask changes nothing any more.
// expect: completed 1
export default () => {
  (async () => {
    for (let n = 0; n < 50; n += 1) await null;
    queueMicrotask(() => {
      throw new Error('late');
    });
  })();
  return 1;
};
