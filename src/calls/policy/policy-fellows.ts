/** Processes of one node decide under one policy: what one of them changes, all take up, and one changes it at a time. */
import type { Pin, PolicyState as RecordedPolicy, RecordStore } from '../../audit/record.ts';
import type { Fellows } from '../../model/fellows.ts';
import type { JsonValue } from '../../model/json.ts';
import { compileContent } from '../../policy/compile/compile-content.ts';
import type { Slices } from '../../policy/compile/slices.ts';
import type { Revision } from '../../policy/revision.ts';

export interface PolicyFellows {
  /** Does it while no other changes anything; `work` gets the note that the one before left, and leaves one. */
  inTurn<T>(
    work: (note: string | null) => Promise<{ readonly result: T; readonly note: string | null }>,
  ): Promise<T>;
  /** Resolves once they decide under what is on the record now. `files`: as they were that hold it; null: they do not. */
  follow(files: string | null): Promise<void>;
}

const followTopic = 'policy.follow';

export function policyFellows(fellows: Fellows): PolicyFellows {
  return {
    async inTurn(work) {
      const before = await fellows.askSupervisor('turn.take', null);
      let note = typeof before === 'string' ? before : null;
      try {
        const done = await work(note);
        ({ note } = done);
        return done.result;
      } finally {
        fellows.tellSupervisor('turn.end', note);
      }
    },
    async follow(files) {
      await fellows.askOthers(followTopic, files);
    },
  };
}

/** `follow` may reject: who asks is told nothing of it, and the log of this process says why. */
export function followFellows(
  fellows: Fellows,
  follow: (files: string | null) => Promise<void>,
  logger: { error(fields: object, message: string): void },
): void {
  fellows.onAsked(followTopic, async (files): Promise<JsonValue> => {
    try {
      await follow(typeof files === 'string' ? files : null);
      return true;
    } catch (error) {
      logger.error({ err: error }, 'the policy of another process could not be taken up');
      return false;
    }
  });
}

export function isSameDecision(one: RecordedPolicy | null, other: RecordedPolicy | null): boolean {
  return one?.revision === other?.revision && isSamePin(one?.pin ?? null, other?.pin ?? null);
}

function isSamePin(one: Pin | null, other: Pin | null): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** A revision that decides in another process, from the record. Throws when it cannot be had. */
export async function readDeciding(
  id: string,
  record: Pick<RecordStore, 'revisionContent'>,
  options: { readonly knownDetectors: readonly string[]; readonly slices: Slices },
): Promise<Revision> {
  const content = await record.revisionContent(id);
  const result = content === null ? null : await compileContent(id, content, options);
  if (result?.ok !== true) throw new Error(`${id} decides elsewhere and does not compile here`);
  return result.revision;
}
