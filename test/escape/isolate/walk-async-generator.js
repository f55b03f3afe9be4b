// An async generator closes over a thenable that throws; the exception comes back through yield*.
// expect: completed [] | completed ["undefined"]
export default async () => {
  const found = [];
  const look = (value) => found.push(value?.constructor?.constructor('return typeof process')());
  async function* inner() {
    yield 1;
  }
  async function* outer() {
    yield* inner();
  }
  const generator = outer();
  await generator.next();
  try {
    await generator.return({
      then() {
        throw new Error('caught on the way');
      },
    });
  } catch (error) {
    look(error);
  }
  return found;
};
