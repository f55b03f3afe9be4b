/**
 * Verifies an NDJSON export without the store. Read twice: first for what was signed, then link by link.
 * The file may have been written by anybody. Calls are not in an export, so nothing is said about them.
 */
import { canonicalJson } from '../canonical-json.ts';
import { CheckpointClaims } from '../checkpoints/checkpoint-claims.ts';
import { isHex } from '../checkpoints/statement.ts';
import { searchColumns } from '../stored-event.ts';
import { ChainVerifier } from '../verify.ts';
import { exportVersion } from './ndjson.ts';
import type { ChainHead } from '../chain.ts';
import type { VerifyReport, VerifyTrust, WriterHead } from '../record.ts';
import type { CanonicalEvent } from '../stored-event.ts';

/** `lines` begins anew each time it is called. A line that is not ours is a problem, not an error. */
export async function verifyExport(
  lines: () => AsyncIterable<string>,
  trust: VerifyTrust,
): Promise<VerifyReport> {
  const claims = new CheckpointClaims(trust);
  for await (const line of lines()) takeStatement(claims, line);
  for (const [index, anchor] of (trust.anchors ?? []).entries()) claims.takeAnchor(anchor, index + 1);
  const walk = new ExportWalk(claims);
  for await (const line of lines()) walk.take(line);
  return walk.report();
}

function takeStatement(claims: CheckpointClaims, line: string): void {
  // The type of most events is another: their lines are not parsed twice.
  if (!line.includes('"type":"checkpoint"') && !line.includes('"type":"chain_key_rotated"')) return;
  const event = parseLine(line)?.['event'];
  if (!isEvent(event) || (event.type !== 'checkpoint' && event.type !== 'chain_key_rotated')) return;
  claims.takeEvent(event, event.details);
}

class ExportWalk {
  readonly #claims: CheckpointClaims;
  readonly #verifier: ChainVerifier;
  #lines = 0;
  #events = 0;
  #omitted = 0;
  #hasEnd = false;

  constructor(claims: CheckpointClaims) {
    this.#claims = claims;
    // Whether an event stands further on is not known before it comes: then it is named again as reordered.
    this.#verifier = new ChainVerifier(() => false, this.#claims);
  }

  take(line: string): void {
    this.#lines += 1;
    const value = parseLine(line);
    if (value === null) this.#lineProblem('is not a line of canonical JSON');
    else if (this.#hasEnd) this.#lineProblem('stands after the end');
    else if (this.#lines === 1) {
      if (!isStart(value)) this.#lineProblem('does not begin an export of this version');
    } else if (isEvent(value['event'])) this.#takeEvent(value, value['event']);
    else if (isOmitted(value['omitted'])) {
      this.#omitted += 1;
      this.#verifier.addOmitted(value['omitted']);
    } else if (isEnd(value['end'])) this.#takeEnd(value['end']);
    else this.#lineProblem('is nothing that an export holds');
  }

  report(): VerifyReport {
    if (!this.#hasEnd)
      this.#verifier.problem('truncated', { writer: '', sequence: this.#lines + 1 }, 'the export has no end');
    this.#verifier.compareClaims();
    return { ...this.#verifier.report(), omitted: this.#omitted };
  }

  #takeEvent(value: Readonly<Record<string, unknown>>, event: CanonicalEvent): void {
    this.#events += 1;
    const { content, salt, eventHash, previousHash, hash } = value;
    this.#verifier.add({
      canonical: canonicalJson(event),
      eventHash: String(eventHash),
      previousHash: String(previousHash),
      hash: String(hash),
      columns: searchColumns(event),
      content:
        content === undefined && salt === undefined
          ? null
          : { salt: String(salt), text: canonicalJson(content ?? null) },
    });
  }

  #takeEnd({ heads, events, omitted }: End): void {
    this.#hasEnd = true;
    if (events !== this.#events || omitted !== this.#omitted)
      this.#lineProblem(`does not count what it ends: ${this.#events} events and ${this.#omitted} left out`);
    this.#verifier.compareHeads(
      new Map(heads.map(({ writer, sequence, hash }): [string, ChainHead] => [writer, { sequence, hash }])),
    );
  }

  #lineProblem(detail: string): void {
    this.#verifier.problem('altered', { writer: '', sequence: this.#lines }, `line ${this.#lines} ${detail}`);
  }
}

interface End {
  readonly heads: readonly WriterHead[];
  readonly events: unknown;
  readonly omitted: unknown;
}

/** null unless the text is exactly what an export would hold: what a reader sees is what is verified. */
function parseLine(line: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && canonicalJson(value) === line ? value : null;
  } catch {
    return null;
  }
}

function isStart(value: Readonly<Record<string, unknown>>): boolean {
  const { export: version, time, ...rest } = value;
  return version === exportVersion && typeof time === 'string' && Object.keys(rest).length === 0;
}

function isEvent(value: unknown): value is CanonicalEvent {
  return isObject(value) && isPlace(value) && typeof value['time'] === 'string';
}

function isOmitted(value: unknown): value is { writer: string; sequence: number; eventHash: string } {
  return isObject(value) && isPlace(value) && isHex(value['eventHash'], 64);
}

function isEnd(value: unknown): value is End {
  const isHead = (head: unknown): boolean => isObject(head) && isPlace(head) && isHex(head['hash'], 64);
  return isObject(value) && Array.isArray(value['heads']) && value['heads'].every(isHead);
}

function isPlace(value: Readonly<Record<string, unknown>>): boolean {
  return typeof value['writer'] === 'string' && Number.isSafeInteger(value['sequence']);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
