/** Query strings: hostile text to single values; repeated, unknown or empty ones are errors, never guesses. */
import type { Request } from 'express';
import { nearestName } from './nearest-name.ts';
import { Problem } from './problem.ts';

const valueCharsMax = 1024;

/** The request's query as single strings. Throws `malformed_request` naming the parameter. */
export function readQuery<const Name extends string>(
  request: Request,
  known: readonly Name[],
): Partial<Record<Name, string>> {
  const values: Partial<Record<Name, string>> = {};
  const [, search = ''] = /\?([^#]*)/.exec(request.originalUrl) ?? [];
  for (const [name, value] of new URLSearchParams(search)) {
    const match = known.find((candidate) => candidate === name);
    if (match === undefined) {
      const nearest = nearestName(name, known);
      throw invalidQuery({
        pointer: `?${name}`,
        message: 'is not a parameter of this endpoint',
        ...(nearest === null ? {} : { didYouMean: nearest }),
      });
    }
    if (values[match] !== undefined) throw invalidQuery({ pointer: `?${name}`, message: 'is given twice' });
    if (value === '' || value.length > valueCharsMax) {
      throw invalidQuery({ pointer: `?${name}`, message: `must have 1 to ${valueCharsMax} characters` });
    }
    values[match] = value;
  }
  return values;
}

export function invalidQuery(error: { pointer: string; message: string; didYouMean?: string }): Problem {
  const hint = error.didYouMean === undefined ? '' : `; did you mean ${error.didYouMean}?`;
  return new Problem('malformed_request', `${error.pointer} ${error.message}${hint}`, { errors: [error] });
}

/** How many a page may have. Throws `malformed_request`. */
export function readLimit(value: string, max: number): number {
  const limit = Number(value);
  if (!/^\d{1,4}$/.test(value) || limit < 1 || limit > max)
    throw invalidQuery({ pointer: '?limit', message: `must be a whole number from 1 to ${max}` });
  return limit;
}

const flagValues = { true: true, yes: true, false: false, no: false } as const;

/** What is said of a parameter that is true or not. */
export function flagParameter(description: string): {
  readonly description: string;
  readonly enum: readonly string[];
} {
  return { description: `true (or yes): ${description}`, enum: Object.keys(flagValues) };
}

/** False where it is not given. Throws `malformed_request` naming the parameter. */
export function readFlag(name: string, value = 'false'): boolean {
  if (!Object.hasOwn(flagValues, value))
    throw invalidQuery({ pointer: `?${name}`, message: 'must be true or false' });
  return flagValues[value as keyof typeof flagValues];
}
