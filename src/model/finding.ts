/** What a detector's hit leads to, weakest first. */
export const actions = ['allow', 'flag', 'wrap', 'redact', 'block'] as const;
export type Action = (typeof actions)[number];

/** A hit of the boundary filter. Never the text itself. */
export interface Finding {
  /** Detector id, for example `aws-access-key-id`. */
  readonly detector: string;
  readonly action: Action;
  /** JSON pointer (`/result/env`), or stream and byte offset (`stdout@120`). */
  readonly where: string;
  readonly count: number;
  readonly confidence: 'low' | 'medium' | 'high';
  /** Decoders passed on the way to the text, outermost first; empty when it stood there in plain. */
  readonly via: readonly string[];
}

export type Verdict = 'clean' | 'flagged' | 'wrapped' | 'redacted' | 'blocked';

/** What the filter says of one direction of a call. `scanned` names the families looked for, so that `clean` means something. */
export interface BoundaryReport {
  readonly verdict: Verdict;
  readonly findings: readonly Finding[];
  readonly scanned: readonly string[];
}

/** A detector that ops add in a `Boundary` resource. */
export interface CustomDetector {
  readonly id: string;
  readonly title: string;
  /** One of these stands inside of every match; text without them costs nothing. */
  readonly keywords: readonly string[];
  /** RE2, tried around the keywords, within a line. A group named `secret` narrows the hit to a part. */
  readonly pattern: string;
  readonly examples: { readonly hit: readonly string[]; readonly miss: readonly string[] };
}

/** What is known to be harmless. */
export interface Allowed {
  /** Hosts, or `*.` and a domain, to which pictures and links may carry what they like. */
  readonly hosts: readonly string[];
  /** Exact texts that a detector would find: a key of a vendor's documentation, say. */
  readonly texts: readonly { readonly detector: string; readonly text: string }[];
}

/** A `Boundary` resource: for each direction, what a detector's hit leads to. */
export interface BoundaryProfile {
  readonly name: string;
  readonly inbound: DirectionProfile;
  readonly outbound: DirectionProfile;
  /** Which artifacts may leave. */
  readonly artifacts: 'none' | 'images' | 'any';
  /** What a detector's hit leaves the caller with, in either direction; what is not named keeps the detector's own. */
  readonly taints: Readonly<Record<string, readonly string[]>>;
  /** Looked for where this profile applies; their actions stand in the directions. */
  readonly detectors: readonly CustomDetector[];
  readonly allow: Allowed;
  /** When stdout and stderr may leave: with the outcome, or filtered while the call runs. */
  readonly stream: 'buffered' | 'live';
}

export interface DirectionProfile {
  /** Overrides by detector id; what is not named keeps the detector's own default for this direction. */
  readonly detectors: Readonly<Record<string, Action>>;
}
