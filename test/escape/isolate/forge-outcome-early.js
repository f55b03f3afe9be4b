// The call has failed in a microtask; what it returns later is no result.
// expect: threw Error
export default async () => {
  queueMicrotask(() => {
    throw new Error('first');
  });
  for (let n = 0; n < 50; n += 1) await null;
  return 2;
};
