// The stack is used up right before a host call: what the host throws then must tell nothing of it, wherever it comes out.
// expect: completed []
// limits: hostCalls=1000000
export default async () => {
  const told = new Set();
  const look = (error) => {
    const text = `${error?.stack} ${error?.message} ${error?.name}`;
    if (/file:|node:|\/worker\/|guest-host|\.ts\b/.test(text)) told.add(text);
    if (error !== null && typeof error === 'object' && !(error instanceof Error))
      told.add('an object of another realm');
    const make = error?.constructor?.constructor;
    if (typeof make === 'function' && make('return typeof process')() !== 'undefined') told.add('process');
  };
  const calls = [
    () => console.log('x'),
    () => console.log({ a: 1 }),
    () => setTimeout(() => {}, 0),
    () => new URL('https://a.example/'),
    () => crypto.randomUUID(),
    () => performance.now(),
    () => structuredClone({ a: [1] }),
  ];
  // Once each with room, so that lazily defined parts are there.
  for (const call of calls) call();
  const dive = (depth, call) => {
    if (depth > 0) return dive(depth - 1, call);
    try {
      call();
    } catch (error) {
      look(error);
    }
  };
  const limitOf = () => {
    let depth = 0;
    const down = () => {
      depth += 1;
      down();
    };
    try {
      down();
    } catch {}
    return depth;
  };
  const limit = limitOf();
  for (const call of calls) {
    for (let depth = limit; depth > limit * 0.5; depth -= Math.ceil(limit / 400)) {
      try {
        dive(depth, call);
      } catch (error) {
        look(error);
      }
    }
  }
  return [...told];
};
