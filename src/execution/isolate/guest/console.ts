/** Inside the isolate: `console`. Text is formatted here; the worker only counts and cuts bytes. */
import type { GuestPart, HostCall } from './host-call.ts';

export function defineConsole(
  callHost: HostCall,
  load: (part: GuestPart) => Record<string, unknown>,
): Record<string, unknown> {
  type Print = (...values: unknown[]) => void;
  const { apply } = Reflect;
  /** Labels of `count` and `time` that are kept. */
  const labelsMax = 1000;
  const counts = new Map<string, number>();
  const timers = new Map<string, number>();
  let indent = '';

  function print(stream: 'stdout' | 'stderr', values: unknown[]): void {
    const first = values[0];
    const plain = values.length === 1 && (typeof first === 'string' || typeof first === 'number');
    const format = plain ? null : (load('inspect')['format'] as (values: unknown[]) => string);
    const text = format === null ? `${first as string}` : format(values);
    callHost(stream, indent + (indent === '' ? text : text.replaceAll('\n', `\n${indent}`)) + '\n');
  }

  const log = (...values: unknown[]): void => print('stdout', values);
  const warn = (...values: unknown[]): void => print('stderr', values);
  const alike = (print: Print): Print => {
    return (...values: unknown[]): void => apply(print, undefined, values);
  };

  function remember(labels: Map<string, number>, label: string, value: number): void {
    if (labels.size < labelsMax || labels.has(label)) labels.set(label, value);
  }

  function count(label: unknown = 'default'): void {
    const name = String(label);
    const times = (counts.get(name) ?? 0) + 1;
    remember(counts, name, times);
    log(`${name}: ${times}`);
  }

  function time(label: unknown = 'default'): void {
    const name = String(label);
    if (timers.has(name)) warn(`Label '${name}' already exists for console.time()`);
    else remember(timers, name, callHost('now') as number);
  }

  function timeLog(label: unknown = 'default', ...values: unknown[]): void {
    const name = String(label);
    const startedAt = timers.get(name);
    if (startedAt === undefined) return warn(`No such label '${name}' for console.timeLog()`);
    const elapsedMs = (callHost('now') as number) - startedAt;
    const text = elapsedMs < 1000 ? `${elapsedMs.toFixed(3)}ms` : `${(elapsedMs / 1000).toFixed(3)}s`;
    apply(log, undefined, [`${name}: ${text}`, ...values]);
  }

  function group(...values: unknown[]): void {
    if (values.length > 0) apply(log, undefined, values);
    indent += '  ';
  }

  function trace(...values: unknown[]): void {
    const format = load('inspect')['format'] as (values: unknown[]) => string;
    const text = format(values);
    const frames = String(new Error('trace').stack).split('\n').slice(1);
    const own = frames.filter((frame) => !frame.includes('sallyport:') && !frame.includes('<isolated-vm'));
    warn(`Trace${text === '' ? '' : `: ${text}`}\n${own.join('\n')}`);
  }

  const console = {
    log,
    info: alike(log),
    debug: alike(log),
    dir: (value: unknown): void => print('stdout', [value]),
    dirxml: alike(log),
    table: (data: unknown, columns?: unknown): void => {
      const table = load('table')['table'] as (data: unknown, columns: unknown) => string | null;
      const drawn = table(data, columns);
      print('stdout', [drawn === null ? data : drawn]);
    },
    warn,
    error: alike(warn),
    trace,
    assert: (condition: unknown, ...values: unknown[]): void => {
      if (condition) return;
      const [first, ...rest] = values;
      if (typeof first === 'string') apply(warn, undefined, [`Assertion failed: ${first}`, ...rest]);
      else apply(warn, undefined, ['Assertion failed', ...values]);
    },
    count,
    countReset: (label: unknown = 'default'): void => void counts.delete(String(label)),
    time,
    timeLog,
    timeEnd: (label: unknown = 'default'): void => {
      timeLog(label);
      timers.delete(String(label));
    },
    group,
    groupCollapsed: group,
    groupEnd: (): void => {
      indent = indent.slice(2);
    },
  };
  return { console };
}
