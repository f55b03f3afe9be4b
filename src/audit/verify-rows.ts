/** What every store's verification looks at beside the chains: the column of latest times, and stored calls. */
import { commitTo } from './chain.ts';
import { nowhere } from './hold-trail.ts';
import type { DerivedProblem } from './hold-trail.ts';
import type { StoredCall } from './record.ts';
import type { CanonicalEvent, SearchColumn } from './stored-event.ts';

/** `body` is canonical JSON, as it is stored. */
export type CallRow = readonly [id: string, status: string, salt: string, body: Buffer];

/** Checks the column that says the latest time of the chain so far. After a wrong one it goes on from there. */
export class HighTime {
  #time = '';

  follows(time: string, stored: SearchColumn): boolean {
    if (time > this.#time) this.#time = time;
    const right = stored === this.#time;
    if (!right) this.#time = String(stored);
    return right;
  }
}

export interface CallProblem {
  readonly writer: string;
  readonly sequence: number;
  readonly detail: string;
}

/** Members of stored JSON, none where it cannot be read. */
export function readJson<T extends object>(json: unknown): Partial<T> {
  try {
    const value: unknown = JSON.parse(String(json));
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}

/** `sha256`: of its bytes as they are now, hex. */
export interface ArtifactRow {
  readonly id: string;
  readonly sha256: string;
}

/** An artifact has to be what the body of its call says, which the call's last event commits to. Names the first that is not. */
export function artifactProblem(body: Buffer, artifacts: Iterable<ArtifactRow>): DerivedProblem | null {
  const said = new Map(readJson<StoredCall>(body).call?.artifacts.map(({ id, sha256 }) => [id, sha256]));
  for (const { id, sha256 } of artifacts)
    if (said.get(id) !== sha256)
      return { kind: 'content_altered', place: nowhere, detail: `artifact ${id} is not what its call left` };
  return null;
}

/** Such an event stands beside its call: where that is not there, it was taken away. */
export function needsCall({ callCommitment, type }: CanonicalEvent): boolean {
  return (
    callCommitment !== undefined && (type === 'queued' || type === 'intent' || type === 'approval_requested')
  );
}

/** A call has to be what the last event that commits to it says. */
export function callProblem([id, status, salt, body]: CallRow, events: Iterable<Buffer>): CallProblem | null {
  for (const canonical of events) {
    const { callCommitment, writer = '', sequence = 0 } = readJson<CanonicalEvent>(canonical);
    if (callCommitment === undefined) continue;
    if (callCommitment !== commitTo('call', String(body), salt))
      return { writer, sequence, detail: `call ${id} is not what this event committed to` };
    const { call } = readJson<StoredCall>(body);
    const same = call?.id === id && call.status === status;
    return same ? null : { writer, sequence, detail: `the columns of call ${id} are not what it says` };
  }
  return { writer: '', sequence: 0, detail: `no event vouches for call ${id}` };
}
