/** Inside the isolate: `URL` (parsed by the worker, as strings) and `URLSearchParams` (all here). */
import type { GuestPart, HostCall } from './host-call.ts';

export function defineUrl(
  callHost: HostCall,
  load: (part: GuestPart) => Record<string, unknown>,
): Record<string, unknown> {
  type Parts = Readonly<Record<string, string>>;
  type Pair = [name: string, value: string];
  type Inspect = (value: unknown) => string;
  const inspectCustom = Symbol.for('nodejs.util.inspect.custom');
  const decoder = new (load('text')['TextDecoder'] as new () => { decode(bytes: Uint8Array): string })();

  function decodeForm(text: string): string {
    const spaced = text.replaceAll('+', ' ');
    if (!spaced.includes('%')) return spaced;
    return spaced.replace(/(%[0-9A-Fa-f]{2})+/g, (run) =>
      decoder.decode(Uint8Array.from(run.slice(1).split('%'), (hex) => Number.parseInt(hex, 16))),
    );
  }

  function encodeForm(text: string): string {
    return encodeURIComponent(text.toWellFormed())
      .replaceAll('%20', '+')
      .replace(/[!'()~]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
  }

  function parseForm(query: string): Pair[] {
    const fields = query.split('&').filter((field) => field !== '');
    return fields.map((field) => {
      const at = field.indexOf('=');
      if (at === -1) return [decodeForm(field), ''];
      return [decodeForm(field.slice(0, at)), decodeForm(field.slice(at + 1))];
    });
  }

  function pairsOf(init: unknown): Pair[] {
    if (init === undefined || init === null) return [];
    if (typeof init !== 'object') {
      const text = String(init);
      return parseForm(text.startsWith('?') ? text.slice(1) : text);
    }
    const entries = Symbol.iterator in init ? Array.from(init as Iterable<unknown[]>) : Object.entries(init);
    return entries.map((entry) => {
      if (entry.length !== 2) throw new TypeError('each query pair must be a [name, value] tuple');
      return [String(entry[0]), String(entry[1])];
    });
  }

  class URLSearchParams {
    #pairs: Pair[];
    #changed: (query: string) => void = () => {};

    constructor(init?: unknown) {
      this.#pairs = pairsOf(init);
    }

    /** For the URL that owns these parameters. */
    static bind(params: URLSearchParams, changed: (query: string) => void): void {
      params.#changed = changed;
    }
    static reset(params: URLSearchParams, query: string): void {
      params.#pairs = pairsOf(query);
    }

    get size(): number {
      return this.#pairs.length;
    }
    append(name: unknown, value: unknown): void {
      this.#pairs.push([String(name), String(value)]);
      this.#changed(this.toString());
    }
    delete(name: unknown, value?: unknown): void {
      const matches = (pair: Pair): boolean =>
        pair[0] === String(name) && (value === undefined || pair[1] === String(value));
      this.#pairs = this.#pairs.filter((pair) => !matches(pair));
      this.#changed(this.toString());
    }
    get(name: unknown): string | null {
      return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null;
    }
    getAll(name: unknown): string[] {
      return this.#pairs.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]);
    }
    has(name: unknown, value?: unknown): boolean {
      return this.#pairs.some(
        (pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value)),
      );
    }
    set(name: unknown, value: unknown): void {
      const first = this.#pairs.findIndex((pair) => pair[0] === String(name));
      if (first === -1) return this.append(name, value);
      this.#pairs = this.#pairs.filter((pair, at) => at === first || pair[0] !== String(name));
      this.#pairs[first] = [String(name), String(value)];
      this.#changed(this.toString());
    }
    sort(): void {
      this.#pairs.sort((left, right) => (left[0] < right[0] ? -1 : left[0] > right[0] ? 1 : 0));
      this.#changed(this.toString());
    }
    forEach(callback: (value: string, name: string, params: URLSearchParams) => void, self?: unknown): void {
      for (const [name, value] of this.#pairs) callback.call(self, value, name, this);
    }
    *entries(): Generator<Pair> {
      for (const [name, value] of this.#pairs) yield [name, value];
    }
    *keys(): Generator<string> {
      for (const [name] of this.#pairs) yield name;
    }
    *values(): Generator<string> {
      for (const [, value] of this.#pairs) yield value;
    }
    [Symbol.iterator](): Generator<Pair> {
      return this.entries();
    }
    [inspectCustom](_depth: number, _options: object, inspect: Inspect): string {
      const quote = (text: string): string => inspect([text]).slice('[ '.length, -' ]'.length);
      const pairs = this.#pairs.map(([name, value]) => `${quote(name)} => ${quote(value)}`);
      return pairs.length === 0 ? 'URLSearchParams {}' : `URLSearchParams { ${pairs.join(', ')} }`;
    }
    toString(): string {
      return this.#pairs.map(([name, value]) => `${encodeForm(name)}=${encodeForm(value)}`).join('&');
    }
  }
  const { bind, reset } = URLSearchParams;
  Reflect.deleteProperty(URLSearchParams, 'bind');
  Reflect.deleteProperty(URLSearchParams, 'reset');

  const settable = [
    'href',
    'protocol',
    'username',
    'password',
    'host',
    'hostname',
    'port',
    'pathname',
    'search',
    'hash',
  ];

  function ask(href: string, base: string, component: string, value: string): Parts | null {
    return JSON.parse(callHost('url', href, base, component, value) as string) as Parts | null;
  }

  class URL {
    #parts: Parts;
    #params: URLSearchParams | null = null;

    constructor(href: unknown, base?: unknown) {
      const parts = ask(
        String(href),
        base === undefined ? '' : String(base),
        base === undefined ? '' : 'base',
        '',
      );
      if (parts === null) throw new TypeError(`Invalid URL: ${String(href)}`);
      this.#parts = parts;
    }
    static canParse(href: unknown, base?: unknown): boolean {
      return URL.parse(href, base) !== null;
    }
    static parse(href: unknown, base?: unknown): URL | null {
      try {
        return new URL(href, base);
      } catch (error) {
        if (error instanceof TypeError) return null;
        throw error;
      }
    }
    static read(url: URL, component: string): string {
      return url.#parts[component] ?? '';
    }
    static write(url: URL, component: string, value: string): void {
      const parts = ask(url.#parts['href'] ?? '', '', component, value);
      if (parts === null) throw new TypeError(`Invalid URL: ${value}`);
      url.#parts = parts;
      if (url.#params !== null && component !== 'query') reset(url.#params, parts['search'] ?? '');
    }
    get searchParams(): URLSearchParams {
      if (this.#params === null) {
        this.#params = new URLSearchParams(this.#parts['search']);
        bind(this.#params, (query) => write(this, 'query', query));
      }
      return this.#params;
    }
    toString(): string {
      return read(this, 'href');
    }
    [inspectCustom](_depth: number, _options: object, inspect: Inspect): string {
      const shown = [...settable, 'origin'].map((component) => [component, read(this, component)]);
      return `URL ${inspect(Object.fromEntries([...shown, ['searchParams', this.searchParams]]))}`;
    }
    toJSON(): string {
      return read(this, 'href');
    }
  }
  const { read, write } = URL;
  Reflect.deleteProperty(URL, 'read');
  Reflect.deleteProperty(URL, 'write');
  function setterOf(component: string): (this: URL, value: unknown) => void {
    return function set(this: URL, value: unknown) {
      write(this, component, String(value));
    };
  }
  for (const component of [...settable, 'origin']) {
    Object.defineProperty(URL.prototype, component, {
      __proto__: null,
      configurable: true,
      enumerable: true,
      get(this: URL) {
        return read(this, component);
      },
      ...(component === 'origin' ? {} : { set: setterOf(component) }),
    } as PropertyDescriptor & ThisType<URL>);
  }
  return { URL, URLSearchParams };
}
