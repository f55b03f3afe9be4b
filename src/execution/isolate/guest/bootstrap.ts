/** Inside the isolate, before any guest code: what it needs of the language is captured here, then the guest may do as it likes. */
import type { GuestEntry, HostCall, LazyPart } from './host-call.ts';

type Define = (
  host: HostCall,
  load: (part: LazyPart) => Record<string, unknown>,
  fail: (error: unknown) => void,
) => Record<string, unknown>;

/** `parts` are functions of this folder whose globals are defined at once; the others come by name when first used. */
export function bootstrap(host: HostCall, parts: { console: Define; timers: Define }): GuestEntry {
  const { parse, stringify } = JSON;
  const { defineProperty, freeze } = Object;
  const { apply } = Reflect;
  // eslint-disable-next-line no-eval -- inside the isolate, for our own source texts alone
  const evaluate = globalThis.eval;
  const slice = String.prototype.slice;
  const text = String;
  const Type = TypeError;
  const tooMany = RangeError;
  const loaded: Record<string, Record<string, unknown>> = Object.create(null);

  function define(name: string, value: unknown): void {
    defineProperty(globalThis, name, {
      __proto__: null,
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    } as PropertyDescriptor);
  }

  function callHost(...call: Parameters<HostCall>): string | number {
    const answer = apply(host, undefined, call);
    if (answer === undefined)
      throw new tooMany('the limit of host calls (console, timers, URL, random) is reached');
    return answer;
  }

  function load(part: LazyPart): Record<string, unknown> {
    return (loaded[part] ??= evaluate(`(${callHost('source', part)})\n//# sourceURL=sallyport:${part}`)(
      callHost,
      load,
    ));
  }

  function defineLazily(part: LazyPart, name: string): void {
    defineProperty(globalThis, name, {
      __proto__: null,
      configurable: true,
      enumerable: false,
      get() {
        const value = load(part)[name];
        define(name, value);
        return value;
      },
      set(value: unknown) {
        define(name, value);
      },
    } as PropertyDescriptor);
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

  // Not counted by the isolate's memory limit, and of no use to a tool.
  for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics'])
    Reflect.deleteProperty(globalThis, name);
  define('console', parts.console(callHost, load, fail));
  const timers = parts.timers(callHost, load, fail);
  for (const name of ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'queueMicrotask']) {
    define(name, timers[name]);
  }
  defineLazily('url', 'URL');
  defineLazily('url', 'URLSearchParams');
  defineLazily('text', 'TextEncoder');
  defineLazily('text', 'TextDecoder');
  defineLazily('base64', 'atob');
  defineLazily('base64', 'btoa');
  defineLazily('clone', 'structuredClone');
  defineLazily('crypto', 'crypto');
  return { start, fire: timers['fire'] as () => void };
}
