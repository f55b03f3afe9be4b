/** Inside the isolate: how `console` shows values, after Node's `util.inspect`. Depth, items and length are bounded. */
export function defineInspect(): Record<string, unknown> {
  const depthMax = 4;
  const itemsMax = 100;
  const lineLengthMax = 72;
  const stringLengthMax = 10_000;
  const platformFrame = /^\s+at .*(sallyport:|<isolated-vm boundary>)/;
  const identifier = /^[A-Za-z_$][\w$]*$/;
  const custom = Symbol.for('nodejs.util.inspect.custom');
  const short: Readonly<Record<string, string>> = {
    '\b': '\\b',
    '\t': '\\t',
    '\n': '\\n',
    '\f': '\\f',
    '\r': '\\r',
    '\\': '\\\\',
  };

  function quote(text: string): string {
    const mark = ["'", '"', '`'].find((candidate) => !text.includes(candidate)) ?? "'";
    const shown = text.slice(0, stringLengthMax);
    const more = text.length - shown.length;
    // eslint-disable-next-line no-control-regex -- control characters are what is looked for
    const escaped = shown.toWellFormed().replace(/[\x00-\x1f\x7f-\x9f\\']/g, (character) => {
      if (character === "'") return mark === "'" ? "\\'" : "'";
      const code = character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0');
      return short[character] ?? `\\x${code}`;
    });
    return mark + escaped + mark + (more > 0 ? `... ${more} more character${more > 1 ? 's' : ''}` : '');
  }

  function join(open: string, items: string[], close: string, indent: string): string {
    if (items.length === 0) return open + close;
    const line = `${open} ${items.join(', ')} ${close}`;
    if (line.length + indent.length <= lineLengthMax && !line.includes('\n')) return line;
    return `${open}\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}${close}`;
  }

  function bounded(all: readonly unknown[], show: (item: unknown) => string): string[] {
    const items = all.slice(0, itemsMax).map(show);
    const more = all.length - itemsMax;
    if (more > 0) items.push(`... ${more} more item${more > 1 ? 's' : ''}`);
    return items;
  }

  /** `Kind`, `Kind(size)`, `Kind(size) [tag]`. */
  function headOf(value: object, size = ''): string {
    const name = constructorName(value);
    const tag: unknown = (value as Record<symbol, unknown>)[Symbol.toStringTag];
    const isTold = typeof tag !== 'string' || tag === name || Object.hasOwn(value, Symbol.toStringTag);
    return isTold || tag === '' ? name + size : `${name}${size} [${tag}]`;
  }

  function constructorName(value: object): string {
    for (let holder: object | null = value; holder !== null; holder = Object.getPrototypeOf(holder)) {
      const own = Object.getOwnPropertyDescriptor(holder, 'constructor')?.value as unknown;
      if (typeof own === 'function' && own.name !== '') return own.name;
    }
    return '[Object: null prototype]';
  }

  function keysOf(value: object): (string | symbol)[] {
    const symbols = Object.getOwnPropertySymbols(value);
    return [
      ...Object.keys(value),
      ...symbols.filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol)),
    ];
  }

  function showProperty(value: object, key: string | symbol, path: object[], indent: string): string {
    const property = Object.getOwnPropertyDescriptor(value, key);
    const accessor = [property?.get && 'Getter', property?.set && 'Setter'].filter(Boolean).join('/');
    const shown = accessor === '' ? show(property?.value, path, `${indent}  `) : `[${accessor}]`;
    const name = typeof key === 'symbol' ? String(key) : identifier.test(key) ? key : quote(key);
    return `${name}: ${shown}`;
  }

  function showProperties(
    value: object,
    keys: (string | symbol)[],
    path: object[],
    indent: string,
  ): string[] {
    const inside = [...path, value];
    return bounded(keys, (key) => showProperty(value, key as string | symbol, inside, indent));
  }

  /** Holes are counted, properties that are no index come last. */
  function showArray(value: readonly unknown[], path: object[], indent: string): string {
    const items: string[] = [];
    let holes = 0;
    const closeHoles = (): void => {
      if (holes > 0) items.push(`<${holes} empty item${holes > 1 ? 's' : ''}>`);
      holes = 0;
    };
    let at = 0;
    for (; at < value.length && items.length < itemsMax; at += 1) {
      if (at in value) {
        closeHoles();
        items.push(show(value[at], [...path, value], `${indent}  `));
      } else holes += 1;
    }
    closeHoles();
    const more = value.length - at;
    if (more > 0) items.push(`... ${more} more item${more > 1 ? 's' : ''}`);
    const named = keysOf(value).filter((key) => typeof key === 'symbol' || !/^\d+$/.test(key));
    items.push(...showProperties(value, named, path, indent));
    const head = headOf(value, `(${value.length})`);
    return join(head.startsWith('Array(') ? '[' : `${head} [`, items, ']', indent);
  }

  function showError(error: Error, path: object[], indent: string): string {
    const lines = String(error.stack || error).split('\n');
    const text = lines.filter((line) => !platformFrame.test(line)).join('\n');
    const head = text.includes('\n    at ') ? text : `[${text}]`;
    const keys = keysOf(error).filter((key) => key !== 'stack' && key !== 'message');
    const extra = showProperties(error, keys, path, indent);
    if (Object.hasOwn(error, 'cause') && !keys.includes('cause'))
      extra.push(`[cause]: ${show(error.cause, [...path, error], `${indent}  `)}`);
    const indented = head.replaceAll('\n', `\n${indent}`);
    return extra.length === 0 ? indented : `${indented} ${join('{', extra, '}', indent)}`;
  }

  function showFunction(value: { readonly name?: unknown }): string {
    const name = typeof value.name === 'string' ? value.name : '';
    const isClass = /^class\b/.test(Function.prototype.toString.call(value));
    if (!isClass) return `[${constructorName(value)}${name === '' ? ' (anonymous)' : `: ${name}`}]`;
    const parent = (Object.getPrototypeOf(value) as { readonly name?: unknown } | null)?.name;
    const heritage = typeof parent === 'string' && parent !== '' ? ` extends ${parent}` : '';
    return `[class ${name === '' ? '(anonymous)' : name}${heritage}]`;
  }

  function tagOf(value: object): string {
    return Object.prototype.toString.call(value);
  }

  /** What is shown as one word or as the list of its items; null for all other objects. */
  function showBuiltIn(value: object, path: object[], indent: string): string | null {
    const inner = (item: unknown): string => show(item, [...path, value], `${indent}  `);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (value instanceof Promise) return 'Promise { <state unknown> }';
    if (value instanceof WeakMap || value instanceof WeakSet)
      return `${constructorName(value)} { <items unknown> }`;
    if (value instanceof ArrayBuffer) return `ArrayBuffer { byteLength: ${value.byteLength} }`;
    if (['[object Number]', '[object String]', '[object Boolean]'].includes(tagOf(value)))
      return `[${constructorName(value)}: ${show(value.valueOf(), [], '')}]`;
    if (value instanceof Map) {
      const pair = (entry: unknown): string => (entry as unknown[]).map(inner).join(' => ');
      return join(`${headOf(value, `(${value.size})`)} {`, bounded([...value], pair), '}', indent);
    }
    if (value instanceof Set)
      return join(`${headOf(value, `(${value.size})`)} {`, bounded([...value], inner), '}', indent);
    if (!ArrayBuffer.isView(value) || value instanceof DataView) return null;
    const items = value as unknown as ArrayLike<unknown>;
    const shown = bounded(Array.from(items), (item) => show(item, [], ''));
    return join(`${constructorName(value)}(${items.length}) [`, shown, ']', indent);
  }

  function showObject(value: object, path: object[], indent: string): string {
    const own: unknown = (value as Record<symbol, unknown>)[custom];
    if (typeof own === 'function') {
      const shown: unknown = Reflect.apply(own, value, [depthMax - path.length, {}, showTop]);
      if (shown !== value)
        return typeof shown === 'string' ? shown.replaceAll('\n', `\n${indent}`) : show(shown, path, indent);
    }
    if (value instanceof Error) return showError(value, path, indent);
    if (path.length > depthMax) return Array.isArray(value) ? '[Array]' : `[${constructorName(value)}]`;
    if (Array.isArray(value)) return showArray(value, path, indent);
    const builtIn = showBuiltIn(value, path, indent);
    if (builtIn !== null) return builtIn;
    const head = headOf(value);
    const properties = showProperties(value, keysOf(value), path, indent);
    return join(head === 'Object' ? '{' : `${head} {`, properties, '}', indent);
  }

  function show(value: unknown, path: object[], indent: string): string {
    if (typeof value === 'string') return quote(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'function') return showFunction(value);
    if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
    if (path.includes(value)) return '[Circular]';
    return showObject(value, path, indent);
  }

  function showTop(value: unknown): string {
    return typeof value === 'string' ? value : show(value, [], '');
  }

  function substitute(kind: string, value: unknown): string {
    if (kind === 'c') return '';
    if (kind === 's')
      return typeof value === 'object' || typeof value === 'bigint' ? show(value, [], '') : String(value);
    if (kind === 'j') return JSON.stringify(value) ?? 'undefined';
    if (kind === 'o' || kind === 'O') return show(value, [], '');
    if (typeof value === 'symbol' || (typeof value === 'object' && kind !== 'f')) return 'NaN';
    if (typeof value === 'bigint') return `${value}n`;
    if (kind === 'd') return show(Number(value), [], '');
    return show(kind === 'i' ? Number.parseInt(String(value), 10) : Number.parseFloat(String(value)), [], '');
  }

  /** Like `util.format`: `%s %d %i %f %j %o %O %c %%`, then what is left, separated by spaces. */
  function format(values: unknown[]): string {
    const [first, ...rest] = values;
    if (typeof first !== 'string' || values.length === 1) return values.map(showTop).join(' ');
    let used = 0;
    const head = first.replace(/%([sdifjoOc%])/g, (whole, kind: string) => {
      if (kind === '%') return '%';
      if (used >= rest.length) return whole;
      used += 1;
      return substitute(kind, rest[used - 1]);
    });
    return [head, ...rest.slice(used).map(showTop)].join(' ');
  }

  return { format, show: showTop, showNested: (value: unknown): string => show(value, [], '') };
}
