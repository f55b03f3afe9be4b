/** Inside the isolate: `performance.now` and `timeOrigin`, counted from the start of the call. */
import type { HostCall } from './host-call.ts';

export function definePerformance(callHost: HostCall): Record<string, unknown> {
  const timeOrigin = Date.now() - (callHost('now') as number);
  return { performance: Object.freeze({ now: () => callHost('now'), timeOrigin }) };
}
