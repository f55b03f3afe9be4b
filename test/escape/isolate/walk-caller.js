// Functions of the platform, by way of caller, arguments and frames of a sloppy function that the console runs.
// expect: completed []
export default () => {
  const seen = [];
  globalThis.seen = seen;
  Error.prepareStackTrace = (_, frames) => frames;
  const probe = new Function(`
    for (const frame of new Error('x').stack) {
      const reached = frame.getFunction?.();
      if (typeof reached === 'function' && reached !== globalThis.probe) seen.push(String(reached.name));
    }
    for (const name of ['caller', 'arguments']) {
      const reached = globalThis.probe[name];
      if (typeof reached === 'function') seen.push(name + ' ' + reached.name);
    }
    return 'read';
  `);
  globalThis.probe = probe;
  console.log({ [Symbol.for('nodejs.util.inspect.custom')]: probe });
  console.log(new Proxy({}, { ownKeys: () => (probe(), []) }));
  structuredClone(Object.defineProperty({}, 'read', { get: probe, enumerable: true }));
  setTimeout(probe, 1);
  return new Promise((resolve) => setTimeout(() => resolve(seen), 5));
};
