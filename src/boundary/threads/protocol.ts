/** What the api and a thread of the filter say to each other. Everything is copied; both sides are ours. */
import type { BoundaryProfile } from '../../model/finding.ts';
import type { JsonValue } from '../../model/json.ts';
import type { OutputArtifact } from '../artifacts.ts';
import type { BoundaryOptions, CheckedArguments, FilteredOutput, ToolOutput } from '../boundary.ts';
import type { CheckedFile } from '../check-file.ts';
import type { StreamEnd } from '../stream/stream-filter.ts';

type Profiles = readonly BoundaryProfile[];

export type Work =
  | { readonly kind: 'check-arguments'; readonly args: JsonValue; readonly profiles: Profiles }
  | { readonly kind: 'check-file'; readonly file: OutputArtifact; readonly profiles: Profiles }
  | { readonly kind: 'filter-output'; readonly output: ToolOutput; readonly profiles: Profiles }
  | { readonly kind: 'redact-for-record'; readonly value: JsonValue }
  /** A stream stays with its thread, under a number of the sender's, from here to its end. */
  | {
      readonly kind: 'open-stream';
      readonly stream: number;
      readonly name: 'stdout' | 'stderr';
      readonly profiles: Profiles;
    }
  | { readonly kind: 'push-stream'; readonly stream: number; readonly data: Uint8Array }
  | { readonly kind: 'end-stream'; readonly stream: number };

/** What may leave of a stream now; nothing any more once it is blocked. */
export interface Released {
  readonly text: string;
  /** Detectors that found something in it or in what came since the last time; each is told of once. */
  readonly detectors: readonly string[];
  readonly blocked: boolean;
}

/** `isAsGiven`: the JSON value came out as it went in and is not sent back; null stands for it. */
export interface Done {
  'check-arguments': CheckedArguments & { readonly isAsGiven: boolean };
  'check-file': CheckedFile;
  'filter-output': FilteredOutput & { readonly isAsGiven: boolean };
  'redact-for-record': { readonly value: JsonValue; readonly isAsGiven: boolean };
  'open-stream': null;
  'push-stream': Released;
  'end-stream': StreamEnd;
}

/** `options`: what the filter is made of from now on; left out while that stays the same. */
export interface ToThread {
  readonly options?: BoundaryOptions;
  readonly work: Work;
}

/** One `ready`, then one answer to each message, in order. */
export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly value: Done[Work['kind']] }
  | { readonly kind: 'threw'; readonly error: unknown };
