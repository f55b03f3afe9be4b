/** The real thread of the filter, but for texts that ask it to fail, in the middle of its work. */
import { isMainThread } from 'node:worker_threads';

const faults: Readonly<Record<string, () => void>> = {
  'please-throw': () => {
    throw new TypeError('a mistake of ours');
  },
  'please-hang': () => {
    for (;;);
  },
  'please-exit': () => process.exit(0),
  'please-grow': () => {
    const held: unknown[] = [];
    for (;;) held.push(Array.from({ length: 1_000 }, () => ({})));
  },
};

function failIfAsked(text: string): void {
  for (const [word, fail] of Object.entries(faults)) if (text.includes(word)) fail();
}

// Every text passes here on its way through the filter, which has no hook for faults itself.
for (const name of ['isWellFormed', 'toWellFormed'] as const) {
  const original: (this: string) => unknown = String.prototype[name];
  Object.assign(String.prototype, {
    [name](this: string): unknown {
      failIfAsked(this);
      return original.call(this);
    },
  });
}

if (!isMainThread) await import('../../src/boundary/threads/filter-thread.ts');
