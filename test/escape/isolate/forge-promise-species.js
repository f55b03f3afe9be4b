// Promise's species and constructor are replaced.
// expect: threw TypeError
export default async () => {
  Object.defineProperty(Promise, Symbol.species, { value: class extends Array {} });
  Promise.prototype.constructor = { [Symbol.species]: () => ({}) };
  Promise.prototype.finally = Promise.prototype.catch = () => 'forged';
  await new Promise((resolve) => setTimeout(resolve, 1));
  return { real: 1 };
};
