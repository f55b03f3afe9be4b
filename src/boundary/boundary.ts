/**
 * The boundary filter: what goes to a tool is checked, what comes back from it is filtered.
 * Trusted: profiles and options. Hostile: every argument, every byte that a tool produced, every name it chose.
 * Pure over its inputs, linear in their size, and closed: what cannot be filtered to its end is withheld.
 */
import { isAscii } from 'node:buffer';
import type { CallError } from '../model/call.ts';
import type { BoundaryProfile, BoundaryReport, CustomDetector } from '../model/finding.ts';
import type { JsonValue } from '../model/json.ts';
import type { ActionOf } from './actions.ts';
import { artifactRule, inboundActions, outboundActions, redactEverything, remember } from './actions.ts';
import { glanceAtJson } from './clean-json.ts';
import type { OutputArtifact } from './artifacts.ts';
import { filterArtifact, streamPlace } from './artifacts.ts';
import { createDecodeBudget } from './decoding/budget.ts';
import { detectors } from './detectors.ts';
import { filterEachString, filterJson } from './filter-json.ts';
import type { FilterPass } from './filter-pass.ts';
import { filterText } from './filter-pass.ts';
import type { Findings } from './findings.ts';
import { collectFindings } from './findings.ts';
import type { KnownSecret } from './known-secrets.ts';
import { buildKnownSecretDetectors, buildKnownSecretTail } from './known-secrets.ts';
import { harmless, nothingIsHarmless } from './harmless.ts';
import { boundaryLimits, LimitExceeded } from './limits.ts';
import type { Pointer } from './pointer.ts';
import { rootPointer } from './pointer.ts';
import { applyRedactions, createPlaceholder, inOrder } from './redaction.ts';
import { scanText } from './scan-text.ts';
import { ScannerShelf } from './scanner-shelf.ts';
import { followLineEnds } from './stream/line-ends.ts';
import type { StreamFilter } from './stream/stream-filter.ts';
import { createStreamFilter } from './stream/stream-filter.ts';

export interface BoundaryOptions {
  /** Key of the placeholders' suffixes, at least 16 bytes. The same key gives the same suffix for the same secret. */
  readonly redactionKey: Uint8Array;
  /** Secrets that this deployment knows and that must not leave in any form. */
  readonly knownSecrets: readonly KnownSecret[];
  /** Detectors that ops added. Profiles may bring further ones, of the revision that they are of. */
  readonly detectors?: readonly CustomDetector[];
}

export interface CheckedArguments {
  readonly report: BoundaryReport;
  /** The call must not run. */
  readonly blocked: boolean;
  /** A copy for the record and for display, without secrets. What runs are the arguments as they came. */
  readonly forRecord: JsonValue;
}

export interface ToolOutput {
  readonly result: JsonValue;
  readonly error: CallError | null;
  /** Bytes as the tool wrote them. What is no UTF-8 becomes U+FFFD. */
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly artifacts: readonly OutputArtifact[];
}

export interface FilteredOutput {
  readonly report: BoundaryReport;
  /** Everything is withheld: the other members are empty. */
  readonly blocked: boolean;
  readonly result: JsonValue;
  readonly error: CallError | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Without those that were withheld. `index` is the place in the tool's output, as findings name it. */
  readonly artifacts: readonly (OutputArtifact & { readonly index: number })[];
}

export interface Boundary {
  /** Checks the arguments of a call. Nothing is rewritten: an action `wrap` or `redact` acts as `flag` here. */
  checkArguments(args: JsonValue, profiles: readonly BoundaryProfile[]): CheckedArguments;
  /**
   * Filters what a call produced. Filtering the result again changes nothing. Without findings everything is as it came,
   * but for bytes that are no UTF-8 and lone surrogates, which are U+FFFD then.
   */
  filterOutput(output: ToolOutput, profiles: readonly BoundaryProfile[]): FilteredOutput;
  /**
   * Filters one stream of a call that still runs, piece by piece. Every way to cut a stream gives the same text, and no
   * part of anything that is taken out ever leaves. A secret that is split over both streams is not seen here.
   */
  filterStream(name: 'stdout' | 'stderr', profiles: readonly BoundaryProfile[]): StreamFilter;
  /** A copy without anything that any detector finds, whatever the profiles say: for the record. */
  redactForRecord(value: JsonValue): JsonValue;
  /** The same for a text: log lines, details of errors. */
  redactText(text: string): string;
}

const redactionKeyBytesMin = 16;

/** Throws `RangeError` for a short key or a known secret that cannot be looked for, `TypeError` for such a detector. */
export function createBoundary({
  redactionKey,
  knownSecrets,
  detectors: added = [],
}: BoundaryOptions): Boundary {
  if (redactionKey.length < redactionKeyBytesMin) {
    throw new RangeError(`redactionKey: use at least ${redactionKeyBytesMin} random bytes`);
  }
  const placeholder = createPlaceholder(redactionKey);
  const scanners = new ScannerShelf(buildKnownSecretDetectors(knownSecrets), added);
  const scanner = scanners.own;
  const hasDecoys = knownSecrets.some(({ isDecoy }) => isDecoy === true);
  const isInKnownSecret = buildKnownSecretTail(knownSecrets);
  const families = ['secrets', 'pii', 'exfiltration', 'injection', 'unicode'];
  const scanned = knownSecrets.length > 0 ? ['known-secrets', ...families] : families;

  const createPass = (
    actionOf: ActionOf,
    isHarmless = nothingIsHarmless,
    profiles: readonly BoundaryProfile[] = [],
  ): FilterPass => ({
    actionOf,
    isHarmless,
    placeholder,
    scanner: scanners.for(profiles),
    findings: collectFindings(),
    budget: { unitsLeft: boundaryLimits.textUnitsMax },
    decoding: createDecodeBudget(),
  });
  const cleanKey = (key: string) => {
    const text = key.toWellFormed();
    const hits = inOrder(scanText(text, scanner, createDecodeBudget()), redactEverything);
    return applyRedactions(text, hits, redactEverything, placeholder).text;
  };
  const inbound = remember((profiles) => inboundActions(profiles, scanners.customIds(profiles)));
  const outbound = remember((profiles) => outboundActions(profiles, scanners.customIds(profiles)));
  const idsOf = (profiles: readonly BoundaryProfile[]) => [
    ...detectors.map(({ id }) => id),
    ...scanners.customIds(profiles),
  ];
  const pointerTo = (root: string): Pointer => rootPointer(root, cleanKey);

  const redactUnder = (value: JsonValue, profiles: readonly BoundaryProfile[]): JsonValue => {
    const pass = createPass(redactEverything, nothingIsHarmless, profiles);
    return orWithheld('', collectFindings(), () => filterJson(value, pointerTo(''), pass));
  };

  return {
    checkArguments(args, profiles) {
      const pass = createPass(inbound(profiles), harmless(profiles), profiles);
      const forRecord = orWithheld('', pass.findings, () => {
        // Where nothing is found at all there is nothing to take out of the copy either.
        if (glanceAtJson(args, pass) === 'blank') return args;
        filterEachString(args, pointerTo(''), pass);
        return null;
      });
      const report = pass.findings.report(scanned);
      const blocked = report.verdict === 'blocked';
      return { report, blocked, forRecord: forRecord === args ? args : redactUnder(args, profiles) };
    },

    filterOutput(output, profiles) {
      const pass = createPass(outbound(profiles), harmless(profiles), profiles);
      const filtered = orWithheld('', pass.findings, () =>
        filterParts(output, artifactRule(profiles), pointerTo, pass),
      );
      const report = pass.findings.report(scanned);
      if (report.verdict === 'blocked' || typeof filtered === 'string')
        return { report, blocked: true, ...nothing };
      return { report, blocked: false, ...filtered };
    },

    filterStream(name, profiles) {
      const actionOf = outbound(profiles);
      return createStreamFilter({
        name,
        pass: createPass(actionOf, harmless(profiles), profiles),
        lineEnds: followLineEnds(scanners.for(profiles), isInKnownSecret),
        scanned,
        mayBlock: hasDecoys || idsOf(profiles).some((id) => actionOf(id) === 'block'),
      });
    },

    redactForRecord: (value) => redactUnder(value, []),

    redactText: (text) =>
      orWithheld('', collectFindings(), () =>
        filterText(text, streamPlace('', text), createPass(redactEverything)),
      ),
  };
}

type Parts = Omit<FilteredOutput, 'report' | 'blocked'>;

const nothing: Parts = { result: null, error: null, stdout: '', stderr: '', artifacts: [] };

function filterParts(
  output: ToolOutput,
  rule: BoundaryProfile['artifacts'],
  pointerTo: (root: string) => Pointer,
  pass: FilterPass,
): Parts {
  const filterStream = (name: 'stdout' | 'stderr') => {
    const text = decodeUtf8(output[name]);
    if (text === '') return text;
    return filterText(text, streamPlace(name, text), pass);
  };
  return {
    result: filterJson(output.result, pointerTo('/result'), pass),
    error: output.error === null ? null : filterError(output.error, pointerTo('/error'), pass),
    stdout: filterStream('stdout'),
    stderr: filterStream('stderr'),
    artifacts: output.artifacts.flatMap((artifact, index) => {
      const filtered = filterArtifact(artifact, rule, pointerTo(`/artifacts/${index}`), pass);
      return filtered === null ? [] : [{ ...filtered, index }];
    }),
  };
}

/** What is no UTF-8 becomes U+FFFD. */
function decodeUtf8(bytes: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = bytes;
  if (isAscii(bytes)) return Buffer.from(buffer, byteOffset, byteLength).toString('latin1');
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

function filterError({ name, message, stack }: CallError, pointer: Pointer, pass: FilterPass): CallError {
  const texts = stack === undefined ? { name, message } : { name, message, stack };
  return filterJson(texts, pointer, pass) as unknown as CallError;
}

/** Runs a filter; input beyond a named limit becomes a stub and a finding that blocks. */
function orWithheld<T>(place: string, findings: Findings, filter: () => T): T | string {
  try {
    return filter();
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error;
    const { detector } = error;
    const where = () => place;
    findings.add({ detector, action: 'block', confidence: 'high', count: 1, via: [], place: where, where });
    return `[WITHHELD:${detector}]`;
  }
}
