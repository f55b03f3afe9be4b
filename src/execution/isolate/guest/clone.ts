/** Inside the isolate: `structuredClone` for the types that exist here. */
export function defineClone(): Record<string, unknown> {
  function refuse(what: string): Error {
    const error = new Error(`${what} could not be cloned`);
    error.name = 'DataCloneError';
    return error;
  }

  function cloneBuffer(buffer: ArrayBufferLike, seen: Map<object, unknown>): unknown {
    const known = seen.get(buffer);
    if (known !== undefined) return known;
    const copy = buffer.slice(0);
    seen.set(buffer, copy);
    return copy;
  }

  function cloneError(error: Error, seen: Map<object, unknown>): unknown {
    const constructors = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
    const Kind = constructors[error.name as keyof typeof constructors] ?? Error;
    const copy = new Kind(String(error.message));
    seen.set(error, copy);
    Object.defineProperty(copy, 'stack', { value: String(error.stack), writable: true, configurable: true });
    if ('cause' in error) {
      Object.defineProperty(copy, 'cause', {
        value: clone(error.cause, seen),
        writable: true,
        configurable: true,
      });
    }
    return copy;
  }

  function isWrapper(value: object): boolean {
    return ['[object Boolean]', '[object Number]', '[object String]'].includes(
      Object.prototype.toString.call(value),
    );
  }

  /** Types whose copy needs nothing of their properties; undefined for all others. */
  function cloneLeaf(value: object, seen: Map<object, unknown>): unknown {
    if (value instanceof Date) return new Date(value.getTime());
    if (value instanceof RegExp) return new RegExp(value.source, value.flags);
    if (isWrapper(value)) return Object(value.valueOf());
    if (value instanceof ArrayBuffer) return cloneBuffer(value, seen);
    if (ArrayBuffer.isView(value)) {
      const View = value.constructor as new (buffer: unknown, offset: number, length: number) => unknown;
      const length = value instanceof DataView ? value.byteLength : (value as Uint8Array).length;
      return new View(cloneBuffer(value.buffer, seen), value.byteOffset, length);
    }
    if (
      value instanceof WeakMap ||
      value instanceof WeakSet ||
      value instanceof Promise ||
      value instanceof WeakRef
    ) {
      throw refuse('a weak collection, a weak reference or a promise');
    }
    return undefined;
  }

  function clone(value: unknown, seen: Map<object, unknown>): unknown {
    if (typeof value === 'function' || typeof value === 'symbol') throw refuse(`a ${typeof value}`);
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    if (value instanceof Error) return cloneError(value, seen);
    const leaf = cloneLeaf(value, seen);
    if (leaf !== undefined) {
      seen.set(value, leaf);
      return leaf;
    }
    if (value instanceof Map) {
      const copy = new Map();
      seen.set(value, copy);
      for (const [key, item] of Array.from(value)) copy.set(clone(key, seen), clone(item, seen));
      return copy;
    }
    if (value instanceof Set) {
      const copy = new Set();
      seen.set(value, copy);
      for (const item of Array.from(value)) copy.add(clone(item, seen));
      return copy;
    }
    const copy: object = Array.isArray(value) ? Array.from({ length: value.length }) : {};
    seen.set(value, copy);
    for (const key of Object.keys(value)) {
      const item = clone((value as Record<string, unknown>)[key], seen);
      Object.defineProperty(copy, key, { value: item, writable: true, configurable: true, enumerable: true });
    }
    return copy;
  }

  return { structuredClone: (value: unknown): unknown => clone(value, new Map()) };
}
