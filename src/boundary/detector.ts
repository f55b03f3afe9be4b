/**
 * What a detector is. One entry of `detectors.ts` says everything: what it looks for, where that format is published,
 * what a hit leads to by default, and examples that the tests hold it to.
 */
import type { Action, Finding } from '../model/finding.ts';
import type { LookAhead } from './look-ahead.ts';
import type { NumberText } from './scan/number-text.ts';

/** What a report says was looked for. */
export type Family = 'secrets' | 'pii' | 'exfiltration' | 'injection' | 'unicode';
export type Confidence = Finding['confidence'];

export interface Detector {
  /** Stable: policy files and findings name it. */
  readonly id: string;
  readonly title: string;
  readonly family: Family;
  /** Default action on the way in. Arguments are never rewritten: `wrap` and `redact` act as `flag` there. */
  readonly inbound: Action;
  /** Default action on the way out. */
  readonly outbound: Action;
  /** Where the format is published. */
  readonly source: string;
  readonly examples: { readonly hit: readonly string[]; readonly miss: readonly string[] };
}

/**
 * A detector that has something to hold on to. The scanner finds its literals (in either case) and then tries the format
 * at each, so text without a literal costs nothing.
 */
export interface LiteralDetector extends Detector {
  readonly literals: readonly string[];
  readonly format: LiteralFormat;
}

type LiteralFormat = PatternFormat | SpanFormat;

/**
 * A format that a sticky expression describes, starting at the literal (or `lead` before it). Every quantifier is bounded and none is nested.
 * A group named `secret` narrows the hit to a part: the rest is context, which siblings and keys of JSON may give too.
 */
export interface PatternFormat {
  readonly kind: 'pattern';
  readonly pattern: RegExp;
  /**
   * A cheap look at the text from the literal on, for one that is common in ordinary text. It refuses most of what the
   * pattern refuses, and nothing that the pattern takes.
   */
  readonly mayMatch?: LookAhead;
  /** Characters of the pattern that stand before the literal; 0 unless said. */
  readonly lead?: number;
  /**
   * One character of the token's alphabet: a hit with such a neighbour is part of something longer, and is none.
   * What repeats more than 128 times in the pattern must be in it, so that no second try starts inside a long one.
   */
  readonly alphabet: RegExp;
  /** Judges the text that matched; null refuses it. */
  readonly check: (secret: string) => Confidence | null;
  /** `check` proves a hit of high confidence, by a checksum: its neighbours are not looked at. */
  readonly isProvable?: boolean;
}

/** A format that needs a state machine. `find` looks at one literal's position and reads each character a bounded number of times. */
interface SpanFormat {
  readonly kind: 'span';
  readonly find: (text: string, at: number) => Span | null;
  /**
   * Whether lines that follow this text may still belong to what begins at the literal; once false, always false. Left
   * out where a hit never reaches past the end of a line.
   */
  readonly isOpen?: (text: string, at: number) => boolean;
}

export interface Span {
  readonly start: number;
  readonly end: number;
  readonly confidence: Confidence;
  /** Names the placeholder instead of the detector. */
  readonly label?: string;
  /** What the placeholder's suffix is made of, when it is not the text itself. */
  readonly secret?: string;
  /** Encodings passed, outermost first. */
  readonly via?: readonly string[];
}

/** A detector of something that is written with digits, and with capitals and separators between them. */
export interface NumberDetector extends Detector {
  /** What it finds in a run, in time linear to its length; the caller puts it in order. */
  readonly find: (read: NumberText) => readonly Span[];
}

/** For a run that has not what it takes. */
export const noSpans: readonly Span[] = [];

/** What every detector of secrets does unless it has a reason: arguments are flagged, output is redacted. */
export const secretDefaults = { family: 'secrets', inbound: 'flag', outbound: 'redact' } as const;

/** Numbers that carry a check are taken out of output: the check makes a mistake rare. */
export const piiDefaults = { family: 'pii', inbound: 'allow', outbound: 'redact' } as const;

/** Invisible characters and terminal escapes are flagged in arguments and taken out of output. */
export const unicodeDefaults = { family: 'unicode', inbound: 'flag', outbound: 'redact' } as const;

/** Examples are written in parts, so that scanners of code hosts do not take them for the real thing. */
export function inParts(...parts: readonly string[]): string {
  return parts.join('');
}
