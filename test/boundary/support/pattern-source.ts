/** What a structural test wants to know of a regular expression's source. Throws on syntax that detectors do not use. */
export interface PatternFacts {
  readonly unboundedQuantifiers: number;
  readonly nestedQuantifiers: number;
  readonly lazyQuantifiers: number;
  /** Character classes that repeat, with the most repetitions. */
  readonly repeatedClasses: readonly { readonly source: string; readonly max: number }[];
}

interface Atom {
  readonly source: string;
  readonly isClass: boolean;
  readonly holdsQuantifier: boolean;
}

export function readPattern(source: string): PatternFacts {
  const facts = { unboundedQuantifiers: 0, nestedQuantifiers: 0, lazyQuantifiers: 0 };
  const repeatedClasses: { source: string; max: number }[] = [];
  let at = 0;

  const readAlternatives = (): boolean => {
    let holdsQuantifier = false;
    while (at < source.length && source[at] !== ')') {
      if (source[at] === '|') {
        at++;
        continue;
      }
      const atom = readAtom();
      holdsQuantifier ||= atom.holdsQuantifier;
      const quantifier = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})/.exec(source.slice(at));
      if (quantifier === null) continue;
      at += quantifier[0].length;
      const [text, min, comma, max] = quantifier;
      const isUnbounded = text === '*' || text === '+' || (comma === ',' && max === '');
      if (isUnbounded) facts.unboundedQuantifiers++;
      if (source[at] === '?') facts.lazyQuantifiers++;
      const isRepeating = text !== '?' && !(comma === undefined && min === '1');
      if (isRepeating && atom.holdsQuantifier) facts.nestedQuantifiers++;
      if (isRepeating && atom.isClass) repeatedClasses.push({ source: atom.source, max: Number(max ?? min) });
      holdsQuantifier ||= isRepeating;
    }
    return holdsQuantifier;
  };

  const readAtom = (): Atom => {
    const start = at;
    if (source[at] === '(') {
      const opening = /^\((?:\?i?:|\?<?[=!]|\?<\w+>)/.exec(source.slice(at));
      if (opening === null) throw new Error(`unexpected group in ${source} at ${at}`);
      at += opening[0].length;
      const holdsQuantifier = readAlternatives();
      at++;
      return { source: source.slice(start, at), isClass: false, holdsQuantifier };
    }
    if (source[at] === '[') {
      for (at++; source[at] !== ']'; at++) if (source[at] === '\\') at++;
      at++;
      return { source: source.slice(start, at), isClass: true, holdsQuantifier: false };
    }
    at += source[at] === '\\' ? 2 : 1;
    return { source: source.slice(start, at), isClass: false, holdsQuantifier: false };
  };

  readAlternatives();
  return { ...facts, repeatedClasses };
}
