/** Inside the isolate: `console`. Text is formatted here; the worker only counts and cuts bytes. */
import type { GuestPart, HostCall } from './host-call.ts';

export function defineConsole(
  callHost: HostCall,
  load: (part: GuestPart) => Record<string, unknown>,
): Record<string, unknown> {
  const { apply } = Reflect;

  function print(stream: 'stdout' | 'stderr', values: unknown[]): void {
    const first = values[0];
    const plain = values.length === 1 && (typeof first === 'string' || typeof first === 'number');
    const format = plain ? null : (load('inspect')['format'] as (values: unknown[]) => string);
    callHost(stream, (format === null ? `${first as string}` : format(values)) + '\n');
  }

  const log = (...values: unknown[]): void => print('stdout', values);
  const warn = (...values: unknown[]): void => print('stderr', values);
  const console = {
    log,
    info: (...values: unknown[]): void => apply(log, undefined, values),
    debug: (...values: unknown[]): void => apply(log, undefined, values),
    dir: (value: unknown): void => print('stdout', [value]),
    warn,
    error: (...values: unknown[]): void => apply(warn, undefined, values),
    trace: (...values: unknown[]): void => apply(warn, undefined, values),
    assert: (condition: unknown, ...values: unknown[]): void => {
      if (!condition) print('stderr', values.length === 0 ? ['Assertion failed'] : values);
    },
  };
  return { console };
}
