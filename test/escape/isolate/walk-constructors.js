// Constructor walks from everything that came from outside.
// expect: completed []
export default async (input, host) => {
  const found = [];
  const roots = {
    input,
    host,
    console,
    log: console.log,
    setTimeout,
    URL,
    crypto,
    TextEncoder,
    structuredClone,
    atob,
  };
  for (const [name, root] of Object.entries(roots)) {
    const make = root.constructor.constructor ?? root.constructor;
    for (const target of [
      'process',
      'require',
      'module',
      'Buffer',
      'global',
      'ivm',
      'sallyport',
      'WebAssembly',
    ]) {
      if (make(`return typeof ${target}`)() !== 'undefined') found.push(`${name}: ${target}`);
    }
  }
  return found;
};
