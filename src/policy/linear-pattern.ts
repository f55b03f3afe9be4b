import { RE2JS } from 're2js';

const PATTERN_CHARS_MAX = 1_000;

export interface LinearPattern {
  /** Whether the pattern is found anywhere in the text. */
  test(text: string): boolean;
  /** Differs where the pattern differs: ajv tells compiled patterns apart by it. */
  toString(): string;
}

/**
 * Compiles a pattern into an automaton whose matching time is linear in the text (RE2), so that neither a careless
 * pattern nor a hostile text can hang the process. JavaScript's notation of escapes and named groups is understood;
 * look-around and back-references are not linear and throw, as does a pattern over 1,000 characters.
 */
export function compileLinearPattern(pattern: string): LinearPattern {
  if (pattern.length > PATTERN_CHARS_MAX) {
    throw new Error(`the pattern is longer than ${PATTERN_CHARS_MAX} characters`);
  }
  const compiled = compileRe2(pattern);
  return Object.freeze({ test: (text: string) => compiled.test(text), toString: () => pattern });
}

/** Gives every match in a text. Throws as `compileLinearPattern` does. */
export function findLinear(pattern: string): (text: string) => readonly string[] {
  const compiled = compileRe2(pattern);
  return (text) => {
    const matcher = compiled.matcher(text);
    const found: string[] = [];
    while (matcher.find()) found.push(text.slice(matcher.start(), matcher.end()));
    return found;
  };
}

function compileRe2(pattern: string): RE2JS {
  try {
    return RE2JS.compile(RE2JS.translateRegExp(pattern));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`not a pattern that matches in linear time (RE2): ${reason}`, { cause: error });
  }
}
