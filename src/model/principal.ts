import type { JsonObject } from './json.ts';
import type { TraceParent } from './trace.ts';

/** What a key may do at the HTTP door. `call`: own calls; `audit`: the tenant's record; `admin`: all. */
export const scopes = ['call', 'run', 'approve', 'audit', 'policy', 'admin'] as const;
export type Scope = (typeof scopes)[number];

/** Who acts. One principal id has exactly one tenant and one role set. */
export interface Principal {
  readonly id: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  readonly attributes: Readonly<JsonObject>;
}

/** A principal as it came in through a door: with the key that proved it and the address it came from. */
export interface Caller {
  readonly principal: Principal;
  /** Principals on whose behalf it acts, outermost first; left out where it acts for itself. */
  readonly act?: readonly string[];
  /** Id of the key, never its secret. Of a token, what stands for its principal. */
  readonly keyId: string;
  /** Set where a signed token proved it: there is no key to look up, and it stands until then. */
  readonly tokenExpiresAtMs?: number;
  readonly scopes: ReadonlySet<Scope>;
  /** Peer address as the door saw it; `local` for calls made inside the process. */
  readonly address: string;
  /** The request's id, given or generated. */
  readonly requestId: string;
  /** W3C trace id: of the `traceparent` that the request carried, else of its span where tracing is on. */
  readonly traceId: string | null;
  /** What it does stands under this; missing where the request brought none and tracing is off. */
  readonly trace?: TraceParent;
}
