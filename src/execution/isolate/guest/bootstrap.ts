/**
 * Inside the isolate, before any guest code: captures what it needs of the language, then the guest may do as it
 * likes. It is compiled and run for every call, so all else waits in parts of its own until it is first used.
 */
import type { GuestEntry, GuestPart, HostCall } from './host-call.ts';

/** `globals`: names of lazily defined globals, each with the part that has it. */
export function bootstrap(callback: HostCall, globals: Readonly<Record<string, GuestPart>>): GuestEntry {
  const { parse, stringify } = JSON;
  const { defineProperty, freeze } = Object;
  const { apply } = Reflect;
  // eslint-disable-next-line no-eval -- inside the isolate, for our own source texts alone
  const evaluate = globalThis.eval;
  const slice = String.prototype.slice;
  const text = String;
  const Type = TypeError;
  const Range = RangeError;
  const loaded: Record<string, Record<string, unknown>> = { __proto__: null } as never;

  /** An error that got out of the worker's side, for want of stack, would tell of it: it goes no further than here. */
  function host(...call: Parameters<HostCall>): string | number | undefined {
    try {
      return apply(callback, undefined, call);
    } catch {
      return undefined;
    }
  }

  /** The callback itself would take any value and copy it into the worker: nothing but text and numbers gets to it. */
  function callHost(...call: Parameters<HostCall>): string | number {
    for (let at = 0; at < call.length; at += 1) {
      if (typeof call[at] !== 'string' && typeof call[at] !== 'number')
        throw new Type('only strings and numbers leave the isolate');
    }
    const answer = apply(host, undefined, call);
    if (answer === undefined)
      throw new Range(
        'the limit of host calls (console, timers, URL, random) is reached, or the stack is full',
      );
    return answer;
  }

  function load(part: GuestPart): Record<string, unknown> {
    return (loaded[part] ??= evaluate(
      `'use strict'; (${callHost('source', part)})\n//# sourceURL=sallyport:${part}`,
    )(callHost, load, fail));
  }

  function defineLazily(name: string, part: GuestPart): void {
    const define = (value: unknown): unknown =>
      defineProperty(globalThis, name, {
        __proto__: null,
        value,
        writable: true,
        configurable: true,
      } as object);
    defineProperty(globalThis, name, {
      configurable: true,
      get() {
        const value = load(part)[name];
        define(value);
        return value;
      },
      set: define,
    });
  }

  function readString(object: object, key: string): string | undefined {
    try {
      const value: unknown = (object as Record<string, unknown>)[key];
      return typeof value === 'string' ? apply(slice, value, [0, 4096]) : undefined;
    } catch {
      return undefined;
    }
  }

  function describe(thrown: unknown): string {
    try {
      return apply(slice, typeof thrown === 'object' ? stringify(thrown) : text(thrown), [0, 4096]);
    } catch {
      return 'a value that cannot be shown was thrown';
    }
  }

  function fail(thrown: unknown): void {
    const isObject = (typeof thrown === 'object' && thrown !== null) || typeof thrown === 'function';
    const name = isObject ? readString(thrown, 'name') : undefined;
    const message = isObject ? readString(thrown, 'message') : undefined;
    const stack = isObject ? readString(thrown, 'stack') : undefined;
    host('threw', name ?? 'Error', message ?? describe(thrown), stack ?? '');
  }

  function finish(value: unknown): void {
    const json = value === undefined ? 'null' : stringify(value);
    if (json === undefined) throw new Type(`the result is a ${typeof value}, which JSON cannot carry`);
    if (json.length > (host('resultLengthMax') as number)) host('oversized', json.length);
    else host('returned', json);
  }

  async function start(tool: unknown): Promise<void> {
    try {
      if (typeof tool !== 'function')
        throw new Type('the default export is not a function (input, host) => value');
      finish(await tool(parse(host('input') as string), freeze({})));
    } catch (error) {
      fail(error);
    }
  }

  const { WebAssembly } = globalThis as { WebAssembly?: object };
  function grantWebAssembly(): void {
    defineProperty(globalThis, 'WebAssembly', {
      __proto__: null,
      value: WebAssembly,
      writable: true,
      configurable: true,
    } as object);
    load('webAssembly');
  }

  // Not counted by the isolate's memory limit, and of no use to most tools.
  for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics'])
    Reflect.deleteProperty(globalThis, name);
  for (const name in globals) defineLazily(name, globals[name] as GuestPart);
  return { start, fire: () => (load('timers')['fire'] as () => void)(), grantWebAssembly };
}
