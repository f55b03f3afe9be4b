/** The guest-side functions as source text: this is how they get into an isolate. */
import { defineBase64 } from '../guest/base64.ts';
import { bootstrap } from '../guest/bootstrap.ts';
import { defineClone } from '../guest/clone.ts';
import { defineConsole } from '../guest/console.ts';
import { defineCrypto } from '../guest/crypto.ts';
import type { LazyPart } from '../guest/host-call.ts';
import { defineInspect } from '../guest/inspect.ts';
import { defineText } from '../guest/text.ts';
import { defineTimers } from '../guest/timers.ts';
import { defineUrl } from '../guest/url.ts';

/** The global under which the host's callback waits for the bootstrap, which takes it away before any guest code. */
export const callbackName = 'sallyport';

export interface GuestSources {
  /** An ES module that exports what `GuestEntry` says. */
  readonly bootstrap: string;
  readonly lazy: ReadonlyMap<LazyPart, string>;
}

export function readGuestSources(): GuestSources {
  return {
    bootstrap: `const host = globalThis.${callbackName};
delete globalThis.${callbackName};
export const { start, fire } = (${String(bootstrap)})(host, {
  console: ${String(defineConsole)},
  timers: ${String(defineTimers)},
});`,
    lazy: new Map<LazyPart, string>([
      ['base64', String(defineBase64)],
      ['clone', String(defineClone)],
      ['crypto', String(defineCrypto)],
      ['inspect', String(defineInspect)],
      ['text', String(defineText)],
      ['url', String(defineUrl)],
    ]),
  };
}
