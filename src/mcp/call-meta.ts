/** What a request says of its call in `_meta`, under our own names. Hostile: all of it. */
import { idempotencyKeyPattern } from '../calls/idempotency.ts';
import { labelLimits } from '../model/labels.ts';
import { invalidParams } from './errors.ts';

export const callMetaKeys = {
  /** Runs at most once under this key, for 24 hours. */
  idempotencyKey: 'sallyport/idempotencyKey',
  /** Free words for finding the call again. */
  labels: 'sallyport/labels',
} as const;

export interface CallMeta {
  readonly idempotencyKey: string | null;
  readonly labels: Readonly<Record<string, string>>;
}

const namePattern = new RegExp(labelLimits.namePattern);

/** Throws the protocol's error for invalid parameters. Other members of `_meta` are none of our affair. */
export function readCallMeta(meta: Readonly<Record<string, unknown>>): CallMeta {
  const { [callMetaKeys.idempotencyKey]: key, [callMetaKeys.labels]: labels } = meta;
  if (key !== undefined && !(typeof key === 'string' && idempotencyKeyPattern.test(key)))
    throw invalidParams(
      `_meta["${callMetaKeys.idempotencyKey}"] must have 1 to 255 visible ASCII characters.`,
    );
  return { idempotencyKey: key ?? null, labels: labels === undefined ? {} : readLabels(labels) };
}

function readLabels(labels: unknown): CallMeta['labels'] {
  const { countMax, valueCharsMax } = labelLimits;
  const entries: [string, unknown][] =
    typeof labels === 'object' && labels !== null && !Array.isArray(labels)
      ? Object.entries(labels)
      : [['', '']];
  const isRight = ([name, value]: [string, unknown]): boolean =>
    namePattern.test(name) && typeof value === 'string' && [...value].length <= valueCharsMax;
  if (entries.length > countMax || !entries.every(isRight))
    throw invalidParams(
      `_meta["${callMetaKeys.labels}"] must be an object of at most ${countMax} texts of at most ${valueCharsMax} characters; names match ${labelLimits.namePattern}.`,
    );
  return Object.fromEntries(entries) as CallMeta['labels'];
}
