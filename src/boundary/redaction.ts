/** Turns the hits in one text into what is reported and what is replaced. */
import { createHmac } from 'node:crypto';
import type { Action } from '../model/finding.ts';
import { actions } from '../model/finding.ts';
import type { ActionOf } from './actions.ts';
import type { Confidence } from './detector.ts';
import type { Hit } from './scan-text.ts';

export type Placeholder = (label: string, secret: string) => string;

const suffixDigits = 4;

/** `[REDACTED:github-pat:ab12]`: equal secrets get equal suffixes, and without the key a suffix tells nothing. */
export function createPlaceholder(redactionKey: Uint8Array): Placeholder {
  return (label, secret) => {
    const digest = createHmac('sha256', redactionKey).update(secret).digest('hex');
    return `[REDACTED:${label}:${digest.slice(0, suffixDigits)}]`;
  };
}

/** The hits that are acted on, by place; where two begin together the longer and surer first. */
export function inOrder(hits: readonly Hit[], actionOf: ActionOf): Hit[] {
  const acted = hits.filter((hit) => actionOf(hit.detector) !== 'allow');
  // A text full of hits of one kind has them in order.
  return isInOrder(acted) ? acted : acted.sort(byPlace);
}

function isInOrder(hits: readonly Hit[]): boolean {
  let last = hits[0];
  for (const hit of hits) {
    if (last !== undefined && byPlace(last, hit) > 0) return false;
    last = hit;
  }
  return true;
}

function byPlace(one: Hit, other: Hit): number {
  const byLength = one.start - other.start || other.end - one.end;
  return byLength || sureness(other.confidence) - sureness(one.confidence);
}

/**
 * The hits to report. A token inside another hit that is at least as sure and as strongly acted on says nothing new:
 * a JWT in a bearer header, the same secret in two views. Expects the order of `inOrder`.
 */
export function distinct(hits: readonly Hit[], actionOf: ActionOf): Hit[] {
  const kept: Hit[] = [];
  let open: Hit[] = [];
  for (const hit of hits) {
    if (hit.replacement === null) kept.push(hit);
    else {
      open = open.filter((other) => other.end > hit.start);
      if (open.some((other) => subsumes(other, hit, actionOf))) continue;
      kept.push(hit);
      open.push(hit);
    }
  }
  return kept;
}

function subsumes(outer: Hit, inner: Hit, actionOf: ActionOf): boolean {
  if (outer.detector === inner.detector) return true;
  const covers = outer.end >= inner.end && sureness(outer.confidence) >= sureness(inner.confidence);
  return covers && actions.indexOf(actionOf(outer.detector)) >= actions.indexOf(actionOf(inner.detector));
}

export interface Redacted {
  readonly text: string;
  /** What was put in, by its place in the new text; where nothing was, an empty stretch. In order; near ones are one. */
  readonly changes: readonly { readonly start: number; readonly end: number }[];
}

/** Less than what is read around a change, so that nothing more is read for it. */
const nearUnits = 1_024;

/** The text with every hit whose action takes text out replaced. Expects the order of `inOrder`. */
export function applyRedactions(
  text: string,
  hits: readonly Hit[],
  actionOf: ActionOf,
  placeholder: Placeholder,
): Redacted {
  const pieces: string[] = [];
  const changes: { start: number; end: number }[] = [];
  const substitutes = new Map<string, { readonly label: string; readonly text: string }>();
  /** A text may hold the same secret many times: its suffix is worked out once. */
  const substituteFor = ({ label, secret }: NonNullable<Hit['replacement']>): string => {
    const known = substitutes.get(secret);
    if (known?.label === label) return known.text;
    const text = placeholder(label, secret);
    substitutes.set(secret, { label, text });
    return text;
  };
  let from = 0;
  let length = 0;
  for (const { start, end, replacement } of mergeOverlapping(text, hits, actionOf)) {
    if (start > from) pieces.push(text.slice(from, start));
    length += start - from;
    const last = changes.at(-1);
    const isNear = last !== undefined && length - last.end <= nearUnits;
    const change = isNear ? last : { start: length, end: length };
    if (!isNear) changes.push(change);
    if (replacement !== null) {
      const substitute = substituteFor(replacement);
      pieces.push(substitute);
      length += substitute.length;
    }
    change.end = length;
    from = end;
  }
  return changes.length === 0 ? { text, changes } : { text: pieces.join('') + text.slice(from), changes };
}

/** Whether an action takes the text out. What is blocked is withheld as a whole. */
export function isRedacting(action: Action): boolean {
  return action === 'redact';
}

/** `replacement` takes its place: the surest secret in it, or nothing. */
type Stretch = Pick<Hit, 'start' | 'end' | 'confidence' | 'replacement'>;

function mergeOverlapping(text: string, hits: readonly Hit[], actionOf: ActionOf): readonly Stretch[] {
  const stretches: Stretch[] = [];
  for (const found of hits) {
    if (!isRedacting(actionOf(found.detector))) continue;
    const hit = inWholeCharacters(text, found);
    const last = stretches.at(-1);
    if (last === undefined || hit.start >= last.end) stretches.push(hit);
    else stretches[stretches.length - 1] = merged(last, hit);
  }
  return stretches;
}

/** A pattern that takes so many units may end in the middle of a character, of which nothing may stay: it would be no text. */
function inWholeCharacters(text: string, hit: Stretch): Stretch {
  const start = isMidCharacter(text, hit.start) ? hit.start - 1 : hit.start;
  const end = isMidCharacter(text, hit.end) ? hit.end + 1 : hit.end;
  return start === hit.start && end === hit.end ? hit : { ...hit, start, end };
}

function isMidCharacter(text: string, at: number): boolean {
  return (text.charCodeAt(at) & 0xfc_00) === 0xdc_00 && (text.charCodeAt(at - 1) & 0xfc_00) === 0xd8_00;
}

function merged(one: Stretch, other: Stretch): Stretch {
  const isBetter = one.replacement === null || sureness(other.confidence) > sureness(one.confidence);
  const { confidence, replacement } = other.replacement !== null && isBetter ? other : one;
  return { start: one.start, end: Math.max(one.end, other.end), confidence, replacement };
}

function sureness(confidence: Confidence): number {
  return confidence === 'high' ? 2 : confidence === 'medium' ? 1 : 0;
}
