/** The guest-side functions as source text: this is how they get into an isolate. */
import { defineAbort } from '../guest/abort.ts';
import { defineBase64 } from '../guest/base64.ts';
import { bootstrap } from '../guest/bootstrap.ts';
import { defineClone } from '../guest/clone.ts';
import { defineConsole } from '../guest/console.ts';
import { defineCrypto } from '../guest/crypto.ts';
import type { GuestPart } from '../guest/host-call.ts';
import { defineInspect } from '../guest/inspect.ts';
import { definePerformance } from '../guest/performance.ts';
import { defineTable } from '../guest/table.ts';
import { defineText } from '../guest/text.ts';
import { defineTimers } from '../guest/timers.ts';
import { defineUrl } from '../guest/url.ts';
import { defineWebAssembly } from '../guest/web-assembly.ts';

/** The global under which the host's callback waits for the bootstrap, which takes it away before any guest code. */
export const callbackName = 'sallyport';

/** What a guest finds on `globalThis` besides the language itself. */
const globals: Readonly<Record<string, GuestPart>> = {
  console: 'console',
  setTimeout: 'timers',
  setInterval: 'timers',
  clearTimeout: 'timers',
  clearInterval: 'timers',
  queueMicrotask: 'timers',
  URL: 'url',
  URLSearchParams: 'url',
  TextEncoder: 'text',
  TextDecoder: 'text',
  atob: 'base64',
  btoa: 'base64',
  structuredClone: 'clone',
  crypto: 'crypto',
  AbortController: 'abort',
  AbortSignal: 'abort',
  performance: 'performance',
};

export interface GuestSources {
  /** An ES module that exports what `GuestEntry` says. */
  readonly bootstrap: string;
  readonly parts: ReadonlyMap<string, string>;
}

export function readGuestSources(): GuestSources {
  const parts: Readonly<Record<GuestPart, (...values: never[]) => unknown>> = {
    abort: defineAbort,
    base64: defineBase64,
    clone: defineClone,
    console: defineConsole,
    crypto: defineCrypto,
    inspect: defineInspect,
    performance: definePerformance,
    table: defineTable,
    text: defineText,
    timers: defineTimers,
    url: defineUrl,
    webAssembly: defineWebAssembly,
  };
  return {
    bootstrap: `const callback = globalThis.${callbackName};
delete globalThis.${callbackName};
export const { start, fire, grantWebAssembly } = (${String(bootstrap)})(callback, ${JSON.stringify(globals)});`,
    parts: new Map(Object.entries(parts).map(([name, define]) => [name, String(define)])),
  };
}
