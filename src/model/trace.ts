/** A span that others stand under (W3C Trace Context). */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** It began here; else the request brought it. */
  readonly isOwn: boolean;
}

/** Ids of zeros alone are none. */
const traceparentPattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A `traceparent` of version 00; null for anything else. */
export function readTraceparent(text: string): TraceParent | null {
  const [, traceId, spanId, flags] = traceparentPattern.exec(text) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1, isOwn: false };
}
