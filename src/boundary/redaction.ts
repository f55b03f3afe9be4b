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

export interface JudgedHit extends Hit {
  readonly action: Action;
}

/** Hits with their action, without the allowed ones, by place; where two begin together the longer and surer first. */
export function judge(hits: readonly Hit[], actionOf: ActionOf): JudgedHit[] {
  return hits
    .map((hit) => ({ ...hit, action: actionOf(hit.detector) }))
    .filter((hit) => hit.action !== 'allow')
    .sort(byPlace);
}

function byPlace(one: JudgedHit, other: JudgedHit): number {
  return (
    one.start - other.start || other.end - one.end || sureness(other.confidence) - sureness(one.confidence)
  );
}

/**
 * The hits to report. A token inside another hit that is at least as sure and as strongly acted on says nothing new:
 * a JWT in a bearer header, the same secret in two views. Expects the order of `judge`.
 */
export function distinct(hits: readonly JudgedHit[]): JudgedHit[] {
  const kept: JudgedHit[] = [];
  let open: JudgedHit[] = [];
  for (const hit of hits) {
    open = open.filter((other) => other.end > hit.start);
    if (hit.replacement === null) kept.push(hit);
    else if (!open.some((other) => subsumes(other, hit))) {
      kept.push(hit);
      open.push(hit);
    }
  }
  return kept;
}

function subsumes(outer: JudgedHit, inner: JudgedHit): boolean {
  if (outer.detector === inner.detector) return true;
  const covers = outer.end >= inner.end;
  const isAsStrong = actions.indexOf(outer.action) >= actions.indexOf(inner.action);
  return covers && isAsStrong && sureness(outer.confidence) >= sureness(inner.confidence);
}

/** The text with every hit of action `redact` or `block` replaced. Expects the order of `judge`. */
export function applyRedactions(text: string, hits: readonly JudgedHit[], placeholder: Placeholder): string {
  const pieces: string[] = [];
  let from = 0;
  for (const { start, end, best } of mergeOverlapping(hits.filter((hit) => isRedacting(hit.action)))) {
    pieces.push(
      text.slice(from, start),
      best.replacement === null ? '' : placeholder(best.replacement.label, best.replacement.secret),
    );
    from = end;
  }
  return pieces.length === 0 ? text : pieces.join('') + text.slice(from);
}

/** Whether an action takes the text out. */
export function isRedacting(action: Action): boolean {
  return action === 'redact' || action === 'block';
}

interface Stretch {
  readonly start: number;
  readonly end: number;
  /** The hit that names what takes the stretch's place: the surest secret, else an invisible one. */
  readonly best: JudgedHit;
}

function mergeOverlapping(hits: readonly JudgedHit[]): Stretch[] {
  const stretches: Stretch[] = [];
  for (const hit of hits) {
    const last = stretches.at(-1);
    if (last === undefined || hit.start >= last.end)
      stretches.push({ start: hit.start, end: hit.end, best: hit });
    else
      stretches[stretches.length - 1] = {
        start: last.start,
        end: Math.max(last.end, hit.end),
        best: better(last.best, hit),
      };
  }
  return stretches;
}

function better(one: JudgedHit, other: JudgedHit): JudgedHit {
  if (one.replacement === null || other.replacement === null) return one.replacement === null ? other : one;
  return sureness(other.confidence) > sureness(one.confidence) ? other : one;
}

function sureness(confidence: Confidence): number {
  return ['low', 'medium', 'high'].indexOf(confidence);
}
