// Ways to a file whose path is known, and to the environment.
// expect: completed []
export default async ({ canary }) => {
  const found = [];
  const attempts = [
    () => import(canary),
    () => import(`file://${canary}`),
    () => import(canary, { with: { type: 'json' } }),
    () => eval(`import('${canary}')`),
    () => new Function('path', 'return import(path)')(canary),
    () =>
      new (Object.getPrototypeOf(async function () {}).constructor)('p', 'return await import(p)')(canary),
    () => Function('return process.env')(),
    () => Function('return require("fs").readFileSync(arguments[0])')(canary),
    () => new Worker(canary),
    () => importScripts(canary),
    () => load(canary),
    () => read(canary),
    () => Deno.readTextFileSync(canary),
    () => globalThis.process.binding('fs'),
    () => new Function('%GetCallable()')(),
  ];
  for (const [at, attempt] of attempts.entries()) {
    try {
      await attempt();
      found.push(at);
    } catch {}
  }
  return found;
};
