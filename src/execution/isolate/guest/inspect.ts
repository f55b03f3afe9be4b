/** Inside the isolate: how `console` shows values. Depth, items and length are bounded. */
export function defineInspect(): Record<string, unknown> {
  const depthMax = 4;
  const itemsMax = 100;
  const lineLengthMax = 72;
  const identifier = /^[A-Za-z_$][\w$]*$/;

  function quote(text: string): string {
    return text.includes("'")
      ? JSON.stringify(text)
      : `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')}'`;
  }

  function join(open: string, items: string[], close: string, indent: string): string {
    if (items.length === 0) return open + close;
    const line = `${open} ${items.join(', ')} ${close}`;
    if (line.length + indent.length <= lineLengthMax && !line.includes('\n')) return line;
    return `${open}\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}${close}`;
  }

  function bounded(all: readonly unknown[], show: (item: unknown) => string): string[] {
    const items = all.slice(0, itemsMax).map(show);
    if (all.length > itemsMax) items.push(`... ${all.length - itemsMax} more`);
    return items;
  }

  function constructorName(value: object): string {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype === null) return '[Object: null prototype]';
    const name: unknown = (prototype as { constructor?: { name?: unknown } }).constructor?.name;
    return typeof name === 'string' ? name : 'Object';
  }

  function showProperty(value: object, key: string, path: object[], indent: string): string {
    const property = Object.getOwnPropertyDescriptor(value, key);
    const shown = property?.get ? '[Getter]' : show(property?.value, path, `${indent}  `);
    return `${identifier.test(key) ? key : quote(key)}: ${shown}`;
  }

  function showObject(value: object, path: object[], indent: string): string {
    const name = constructorName(value);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (value instanceof Error) return `[${String(value.stack ?? value)}]`;
    if (value instanceof Promise) return 'Promise {}';
    if (path.length > depthMax) return Array.isArray(value) ? '[Array]' : `[${name}]`;
    const inner = (item: unknown): string => show(item, [...path, value], `${indent}  `);
    if (Array.isArray(value)) return join('[', bounded(value, inner), ']', indent);
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      const items = value as unknown as ArrayLike<unknown>;
      return join(`${name}(${items.length}) [`, bounded(Array.from(items), String), ']', indent);
    }
    if (value instanceof Map) {
      const pair = (entry: unknown): string => (entry as unknown[]).map(inner).join(' => ');
      return join(`Map(${value.size}) {`, bounded(Array.from(value), pair), '}', indent);
    }
    if (value instanceof Set)
      return join(`Set(${value.size}) {`, bounded(Array.from(value), inner), '}', indent);
    const own = bounded(Object.keys(value), (key) =>
      showProperty(value, key as string, [...path, value], indent),
    );
    return join(name === 'Object' ? '{' : `${name} {`, own, '}', indent);
  }

  function show(value: unknown, path: object[], indent: string): string {
    if (typeof value === 'string') return quote(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'function')
      return `[${value.name === '' ? 'Function (anonymous)' : `Function: ${value.name}`}]`;
    if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
    if (path.includes(value)) return '[Circular]';
    return showObject(value, path, indent);
  }

  function showTop(value: unknown): string {
    if (typeof value === 'string') return value;
    if (value instanceof Error) return String(value.stack ?? value);
    return show(value, [], '');
  }

  function substitute(kind: string, value: unknown): string {
    if (kind === 's') return typeof value === 'object' ? show(value, [], '') : String(value);
    if (kind === 'd') return String(Number(value));
    if (kind === 'i') return String(Number.parseInt(String(value), 10));
    if (kind === 'f') return String(Number.parseFloat(String(value)));
    if (kind === 'j') return JSON.stringify(value) ?? 'undefined';
    return show(value, [], '');
  }

  /** Like `util.format`: `%s %d %i %f %j %o %O %%`, then what is left, separated by spaces. */
  function format(values: unknown[]): string {
    const [first, ...rest] = values;
    if (typeof first !== 'string') return values.map(showTop).join(' ');
    let used = 0;
    const head = first.replace(/%([sdifjoO%])/g, (whole, kind: string) => {
      if (kind === '%') return '%';
      if (used >= rest.length) return whole;
      used += 1;
      return substitute(kind, rest[used - 1]);
    });
    return [head, ...rest.slice(used).map(showTop)].join(' ');
  }

  return { format };
}
