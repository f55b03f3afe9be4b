import { boundaryLimits } from './limits.ts';

/**
 * A place in a JSON document. Keys are hostile: a pointer in a finding holds them as `cleanKey` returns them, cut to the
 * named limits, and each is cleaned at most once, when something is found below it.
 */
export interface Pointer {
  child(key: string | number): Pointer;
  toString(): string;
}

export function rootPointer(root: string, cleanKey: (key: string) => string): Pointer {
  return build(() => root, cleanKey);
}

function build(compute: () => string, cleanKey: (key: string) => string): Pointer {
  let text: string | null = null;
  const toString = () => (text ??= cut(compute(), boundaryLimits.pointerUnitsMax));
  return {
    toString,
    child: (key) =>
      build(() => `${toString()}/${typeof key === 'number' ? key : part(cleanKey(key))}`, cleanKey),
  };
}

/** RFC 6901 §3: `~` and `/` are escaped. */
function part(key: string): string {
  return cut(key, boundaryLimits.pointerPartUnitsMax).replaceAll('~', '~0').replaceAll('/', '~1');
}

function cut(text: string, unitsMax: number): string {
  return text.length <= unitsMax ? text : `${text.slice(0, unitsMax - 1).toWellFormed()}…`;
}
