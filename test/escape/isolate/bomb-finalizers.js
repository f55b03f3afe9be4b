// Cleanup callbacks that never end, which some timeouts do not see.
// expect: timed_out | completed "on" | out_of_memory
export default async () => {
  const registry = new FinalizationRegistry(() => {
    for (;;);
  });
  for (let n = 0; n < 20_000; n += 1) registry.register({ n, much: new Array(50).fill(n) }, n);
  await new Promise((resolve) => setTimeout(resolve, 5));
  return 'on';
};
