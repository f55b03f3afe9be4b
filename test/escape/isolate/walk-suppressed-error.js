// Errors inside errors: disposal, AggregateError, causes. Each is of the guest's own realm.
// expect: completed ["undefined","undefined","undefined","undefined"]
export default async () => {
  const look = (value) => value.constructor.constructor('return typeof process')();
  const found = [];
  try {
    const stack = new DisposableStack();
    stack.defer(() => null.x);
    stack.defer(() => {
      throw new RangeError('second');
    });
    stack.dispose();
  } catch (error) {
    found.push(look(error), look(error.suppressed));
  }
  await Promise.any([Promise.reject(new Error('a'))]).catch((error) => found.push(look(error)));
  try {
    crypto.getRandomValues(new Uint8Array(1e6));
  } catch (error) {
    found.push(look(error.cause ?? error));
  }
  return found;
};
