/**
 * The boundary for whole inputs of any size. Small ones are filtered here and now; large ones on a few threads, so that
 * the one that serves HTTP goes on meanwhile and a filter that hangs, dies or grows takes nothing with it.
 * Never rejects: what is not filtered to its end is blocked and withheld, and its finding says why. Who waits for a
 * thread waits in the queue of its tenant: the large inputs of one keep those of another waiting for one of them at most.
 */
import { availableParallelism } from 'node:os';
import type { BoundaryProfile } from '../../model/finding.ts';
import type { JsonValue } from '../../model/json.ts';
import type { OutputArtifact } from '../artifacts.ts';
import type { Boundary, BoundaryOptions, CheckedArguments, FilteredOutput, ToolOutput } from '../boundary.ts';
import { checkFile } from '../check-file.ts';
import type { CheckedFile, FilteredFile } from '../check-file.ts';
import type { FailureReason } from './filter-failure.ts';
import { failureReport, reasonOf } from './filter-failure.ts';
import { FilterThreadHost } from './filter-thread-host.ts';
import { jsonUnits, outputUnits } from './input-size.ts';
import type { Done, Released, Work } from './protocol.ts';
import { ThreadedStream } from './threaded-stream.ts';

/** What takes less than a millisecond. */
const inPlaceUnitsMax = 16 * 1024;
/** The same beside detectors of ops, whose patterns may read a line once for each keyword in it. */
const withOwnInPlaceUnitsMax = 1024;
/** What takes longer than some 10 ms keeps off one of the threads, so that smaller inputs need not wait for it. */
const bulkUnitsMin = 128 * 1024;
const threadsMax = 4;
/** What the largest input takes, with room. */
const threadHeapMiBMax = 2_048;

export interface ThreadedBoundaryOptions {
  /** Filters small inputs. */
  readonly boundary: Boundary;
  /** What a thread makes the same filter of. */
  readonly current: () => BoundaryOptions;
  /** What a job on a thread may take however small it is, milliseconds. */
  readonly jobMsFloor?: number;
  /** Heap of each thread. */
  readonly heapMiBMax?: number;
  /** Told of each input that was not filtered to its end. */
  readonly onFailure?: (reason: FailureReason, error: unknown) => void;
  /** What the threads run. */
  readonly script?: URL;
}

type Profiles = readonly BoundaryProfile[];

/** Of inputs that are no tenant's. */
const nobody = '';

export class ThreadedBoundary implements AsyncDisposable {
  readonly #current: () => BoundaryOptions;
  readonly #boundary: Boundary;
  readonly #threads: readonly FilterThreadHost[];
  readonly #onFailure: (reason: FailureReason, error: unknown) => void;
  #streams = 0;

  constructor({
    boundary,
    current,
    jobMsFloor = 5_000,
    heapMiBMax = threadHeapMiBMax,
    onFailure = () => {},
    script = new URL('./filter-thread.ts', import.meta.url),
  }: ThreadedBoundaryOptions) {
    this.#boundary = boundary;
    this.#current = current;
    this.#onFailure = onFailure;
    const thread = { current, jobMsFloor, heapMiBMax, script };
    const count = Math.min(Math.max(availableParallelism(), 2), threadsMax);
    this.#threads = Array.from({ length: count }, () => new FilterThreadHost(thread));
  }

  /** Detectors of ops may take long over what was made for them: they have the deadline of a thread, but for small texts. */
  #isInPlace(units: number, profiles: Profiles = []): boolean {
    const own = [this.#current(), ...profiles].some(({ detectors = [] }) => detectors.length > 0);
    return units <= (own ? withOwnInPlaceUnitsMax : inPlaceUnitsMax);
  }

  async checkArguments(args: JsonValue, profiles: Profiles, tenant = nobody): Promise<CheckedArguments> {
    const units = jsonUnits(args);
    try {
      if (this.#isInPlace(units, profiles)) return this.#boundary.checkArguments(args, profiles);
      const work = { kind: 'check-arguments', args, profiles } as const;
      const { isAsGiven, ...checked } = await this.#run(tenant, work, units);
      return isAsGiven ? { ...checked, forRecord: args } : checked;
    } catch (error) {
      const reason = this.#tell(error);
      return { report: failureReport(reason), blocked: true, forRecord: withheld(reason) };
    }
  }

  async filterOutput(output: ToolOutput, profiles: Profiles, tenant = nobody): Promise<FilteredOutput> {
    const units = outputUnits(output);
    try {
      if (this.#isInPlace(units, profiles)) return this.#boundary.filterOutput(output, profiles);
      const work = { kind: 'filter-output', output: standingAlone(output), profiles } as const;
      const { isAsGiven, ...filtered } = await this.#run(tenant, work, units);
      return isAsGiven ? { ...filtered, result: output.result } : filtered;
    } catch (error) {
      return { report: failureReport(this.#tell(error)), blocked: true, ...nothing };
    }
  }

  /** What goes into a sandbox as a file, as the arguments of a call are checked. */
  async checkFile(file: OutputArtifact, profiles: Profiles, tenant = nobody): Promise<CheckedFile> {
    try {
      if (this.#isInPlace(file.data.length, profiles)) return checkFile(this.#boundary, file, profiles);
      const work = { kind: 'check-file', file: fileAlone(file), profiles } as const;
      return await this.#run(tenant, work, file.data.length);
    } catch (error) {
      return { report: failureReport(this.#tell(error)), blocked: true };
    }
  }

  /** What comes out of one as a file, as an artifact of a call is filtered. */
  async filterFile(file: OutputArtifact, profiles: Profiles, tenant = nobody): Promise<FilteredFile> {
    const output = { result: null, error: null, stdout: noBytes, stderr: noBytes, artifacts: [file] };
    const { report, blocked, artifacts } = await this.filterOutput(output, profiles, tenant);
    const [filtered] = artifacts;
    if (blocked || filtered === undefined) return { report, file: null };
    const { name, mediaType, data } = filtered;
    return { report, file: { name, mediaType, data } };
  }

  async redactForRecord(value: JsonValue, tenant = nobody): Promise<JsonValue> {
    const units = jsonUnits(value);
    try {
      if (this.#isInPlace(units)) return this.#boundary.redactForRecord(value);
      const redacted = await this.#run(tenant, { kind: 'redact-for-record', value }, units);
      return redacted.isAsGiven ? value : redacted.value;
    } catch (error) {
      return withheld(this.#tell(error));
    }
  }

  /** A stream of a call that still runs: whatever its size, its thread takes it. */
  filterStream(
    name: 'stdout' | 'stderr',
    profiles: Profiles,
    onReleased: (released: Released) => void,
    tenant = nobody,
  ): ThreadedStream {
    this.#streams += 1;
    const stream = this.#streams;
    const onFailure = this.#onFailure;
    return new ThreadedStream({
      thread: this.#leastLoaded(0),
      tenant,
      stream,
      name,
      profiles,
      onReleased,
      onFailure,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread[Symbol.asyncDispose]()));
  }

  #run<K extends Work['kind']>(
    tenant: string,
    work: Extract<Work, { kind: K }>,
    units: number,
  ): Promise<Done[K]> {
    return this.#leastLoaded(units).run<K>(tenant, work, units);
  }

  /** The thread with the least to do, of those that take inputs of that size. */
  #leastLoaded(units: number): FilterThreadHost {
    const candidates = units < bulkUnitsMin ? this.#threads : this.#threads.slice(1);
    return candidates.reduce((best, thread) => (thread.load < best.load ? thread : best));
  }

  #tell(error: unknown): FailureReason {
    const reason = reasonOf(error);
    this.#onFailure(reason, error);
    return reason;
  }
}

const noBytes = new Uint8Array();
const nothing = { result: null, error: null, stdout: '', stderr: '', artifacts: [] } as const;

function withheld(reason: FailureReason): string {
  return `[WITHHELD:${reason}]`;
}

/** Of a view, the whole buffer under it would be copied to the thread. */
function standingAlone(output: ToolOutput): ToolOutput {
  const { stdout, stderr, artifacts } = output;
  return {
    ...output,
    stdout: bytesAlone(stdout),
    stderr: bytesAlone(stderr),
    artifacts: artifacts.map(fileAlone),
  };
}

function fileAlone({ name, mediaType, data }: OutputArtifact): OutputArtifact {
  return { name, mediaType, data: bytesAlone(data) };
}

function bytesAlone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.from(bytes);
}
