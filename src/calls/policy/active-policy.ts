/**
 * The revision that decides, and every way in which another one takes its place: files that changed, a signal, a
 * request, a roll-back. One change after the other, and in each the same order: compiled, held by the runner, durable
 * on the record, and only then decided under. Calls in flight keep the revision that they began with.
 *
 * Trusted: whoever may write to the policy directories, and callers with the scope `policy`. A directory with mistakes
 * changes nothing. A crash leaves the change either undone or on the record, and then the next start makes it.
 */
import { RecordUnavailable } from '../../audit/record.ts';
import type { ActivationFacts, Pin, PolicyState as RecordedPolicy, RecordStore } from '../../audit/record.ts';
import type { HoldAnswer } from '../../execution/runner/runner-group.ts';
import type { Caller } from '../../model/principal.ts';
import { compileContent } from '../../policy/compile/compile-content.ts';
import type { CompiledData, CompileJob } from '../../policy/compile/compile-job.ts';
import { Slices } from '../../policy/compile/slices.ts';
import type { RevisionClaim } from '../../policy/load/read-claim.ts';
import { formatProblem } from '../../policy/lint.ts';
import type { PolicyProblem } from '../../policy/problem.ts';
import type { Revision } from '../../policy/revision.ts';
import { actor } from '../key-ring.ts';
import type { Clock } from '../call-context.ts';
import type { FirstPolicy } from './first-policy.ts';
import { isSameDecision, readDeciding } from './policy-fellows.ts';
import type { PolicyFellows } from './policy-fellows.ts';
import type { FilesState, PolicyChange, PolicyState, PolicyTrigger } from './policy-state.ts';

/** How long the files must stay as they are before they are read, milliseconds. */
const settleMs = 150;
/** How often that is tried. */
const settlingMax = 40;
/** How long calls may wait for a slice of compiling, milliseconds. */
const sliceMsMax = 4;
/** Mistakes that the record keeps of one directory. */
const problemsRecordedMax = 20;
const problemCharsMax = 500;
const secretUnreadable = 'a secret that it names cannot be read or looked for, the log says which';

export interface ActivePolicyOptions {
  readonly directories: readonly string[];
  readonly knownDetectors: readonly string[];
  readonly record: Pick<RecordStore, 'write' | 'revisionContent' | 'policyState'>;
  readonly runners: { hold(revision: string): Promise<HoldAnswer> };
  /** Off this thread. */
  readonly compile: (job: CompileJob) => Promise<CompiledData>;
  readonly scan: () => Promise<string>;
  readonly readClaim: () => Promise<RevisionClaim | null>;
  /** What puts in force what goes with a revision. Throws an error that says why it cannot decide on this host now. */
  readonly prepare: (revision: Revision) => () => void;
  readonly sleep: (ms: number) => Promise<void>;
  readonly clock: Clock;
  /** Other processes of this node, which decide under the same policy; null: there are none. */
  readonly fellows: PolicyFellows | null;
  /** Takes secrets out of what an operator writes. */
  readonly redactText: (text: string) => string;
  readonly onChange: (change: PolicyChange, trigger: PolicyTrigger) => void;
  readonly logger: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

/** A revision with what its activation says. */
interface Candidate {
  readonly revision: Revision;
  readonly trigger: PolicyTrigger;
  readonly by: Caller | null;
  readonly reason: string | null;
  readonly claimed: RevisionClaim | null;
  readonly pin: Pin | null;
}

/** What is to be said of the files, should they come to decide. */
type Wish = Omit<Candidate, 'revision' | 'claimed'>;

export class ActivePolicy {
  readonly #options: ActivePolicyOptions;
  #revision: Revision;
  #activatedAtMs: number;
  #trigger: PolicyTrigger = 'start';
  #pin: Pin | null;
  #files: FilesState;
  /** The files as they were when they were last dealt with. */
  #handled: string | null;
  #work: Promise<unknown> = Promise.resolve();
  /** What decided by the record when it was last looked at or written; of a process with fellows it may be others' doing. */
  #recorded: RecordedPolicy | null;
  /** What the process that had the turn before did last. */
  #note: string | null = null;
  /** A reload that nobody in particular asked for and that has not begun: one more would find the same files. */
  #signalled: Promise<PolicyChange> | null = null;

  constructor(first: FirstPolicy, options: ActivePolicyOptions) {
    this.#options = options;
    this.#revision = first.revision;
    this.#pin = first.pin;
    this.#files = first.files;
    this.#handled = first.scanned;
    this.#recorded = first.recorded;
    this.#activatedAtMs = options.clock.now();
  }

  get revision(): Revision {
    return this.#revision;
  }

  get state(): PolicyState {
    return {
      revision: this.#revision.id,
      activatedAtMs: this.#activatedAtMs,
      trigger: this.#trigger,
      pin: this.#pin,
      files: this.#files,
    };
  }

  /** Whether the files are as they were when they were last dealt with. */
  async isUpToDate(): Promise<boolean> {
    return (await this.#options.scan()) === this.#handled;
  }

  /** Writes down what decides first. Rejects with `RecordUnavailable`. */
  async recordStart(previous: string | null, claimed: RevisionClaim | null): Promise<void> {
    await this.#inNodeTurn(async () => {
      const first = { revision: this.#revision, by: null, reason: null, claimed, pin: this.#pin };
      await this.#record({ ...first, trigger: 'start' }, previous);
      if (this.#files.kind === 'rejected') await this.#reject(this.#files.problems, 'start', null);
    });
    await this.#tellFellows();
  }

  /** Takes up what another process of this node changed; `files` as they were that hold it, null where they do not. */
  follow(files: string | null): Promise<void> {
    const done = this.#work.then(() => this.#adopt(files));
    this.#work = done.catch(() => {});
    return done;
  }

  /**
   * Takes up the files as they are now, changed or not; for the watch only if they still differ when its turn comes.
   * However many signals come, one reload waits.
   */
  reload(trigger: PolicyTrigger, by: Caller | null): Promise<PolicyChange> {
    if (trigger === 'watch') return this.#inTurn(trigger, () => this.#reloadIfChanged(by));
    if (trigger !== 'signal') return this.#inTurn(trigger, () => this.#reloadOrWait(asked(trigger, by)));
    this.#signalled ??= this.#inTurn(trigger, () => {
      this.#signalled = null;
      return this.#reloadOrWait(asked(trigger, by));
    });
    return this.#signalled;
  }

  /** Makes a stored revision decide until it is unpinned. */
  activate(revision: string, reason: string, by: Caller): Promise<PolicyChange> {
    return this.#inTurn('rollback', () => this.#rollBack(revision, this.#options.redactText(reason), by));
  }

  /** Takes the pin away, then takes up the files. Files with mistakes leave what decides, unpinned. */
  unpin(reason: string, by: Caller): Promise<PolicyChange> {
    return this.#inTurn('unpin', async () => {
      const pin = this.#pin;
      if (pin === null) return { outcome: 'not_pinned' };
      const wish = { trigger: 'unpin', by, reason: this.#options.redactText(reason), pin: null } as const;
      this.#pin = null;
      try {
        const change = await this.#reloadOrWait(wish);
        if (change.outcome !== 'activated')
          await this.#record({ ...wish, revision: this.#revision, claimed: null }, this.#revision.id);
        return change;
      } catch (error) {
        if (this.#recorded?.pin !== null) this.#pin = pin;
        throw error;
      }
    });
  }

  async #inTurn(trigger: PolicyTrigger, work: () => Promise<PolicyChange>): Promise<PolicyChange> {
    const done = this.#work.then(() => this.#inNodeTurn(work));
    this.#work = done.catch(() => {});
    const change = await done;
    this.#options.onChange(change, trigger);
    // Not before it is the others' turn again: one of them may be waiting for it.
    if (change.outcome === 'activated' || trigger === 'unpin') await this.#tellFellows();
    return change;
  }

  async #tellFellows(): Promise<void> {
    await this.#options.fellows?.follow(this.#files.kind === 'active' ? this.#handled : null);
  }

  async #inNodeTurn<T>(work: () => Promise<T>): Promise<T> {
    const { fellows } = this.#options;
    if (fellows === null) return await work();
    return await fellows.inTurn(async (note) => {
      this.#note = note;
      await this.#adopt(null);
      return { result: await work(), note: this.#note };
    });
  }

  /** What the record says decides, where that changed since this process looked last: it is in force elsewhere already. */
  async #adopt(files: string | null): Promise<void> {
    const { clock, knownDetectors, logger, record, runners } = this.#options;
    const state = await record.policyState();
    if (state === null || isSameDecision(state, this.#recorded)) return;
    let revision = this.#revision;
    if (state.revision !== revision.id) {
      const slices = new Slices(sliceMsMax);
      revision = await readDeciding(state.revision, record, { knownDetectors, slices });
      await runners.hold(revision.id);
    }
    const putInForce = this.#prepare(revision);
    if (putInForce === null) throw new Error(`${state.revision} decides elsewhere: ${secretUnreadable}`);
    putInForce();
    this.#trigger = state.pin !== null ? 'rollback' : this.#pin !== null ? 'unpin' : 'watch';
    this.#revision = revision;
    this.#pin = state.pin;
    this.#recorded = state;
    this.#activatedAtMs = clock.now();
    // How else the files stand to it, the next look at them says.
    this.#handled = files;
    if (files !== null) this.#files = { kind: 'active' };
    logger.info({ revision: revision.id, pinned: state.pin !== null }, 'policy of another process taken up');
    this.#options.onChange({ outcome: 'unchanged', revision: revision.id }, this.#trigger);
  }

  async #reloadIfChanged(by: Caller | null): Promise<PolicyChange> {
    if (await this.isUpToDate()) return { outcome: 'unchanged', revision: this.#revision.id };
    return this.#reloadOrWait(asked('watch', by));
  }

  /** What goes wrong on our side leaves the change to be tried again, and is no secret. */
  async #reloadOrWait(wish: Wish): Promise<PolicyChange> {
    try {
      return await this.#reload(wish);
    } catch (error) {
      const isRecord = error instanceof RecordUnavailable;
      this.#wait(
        null,
        isRecord ? 'the record cannot be written' : 'they could not be compiled, the log says why',
      );
      throw error;
    }
  }

  async #reload(wish: Wish): Promise<PolicyChange> {
    const { compile, directories, knownDetectors, readClaim, runners, scan, sleep } = this.#options;
    for (let attempt = 0; attempt < settlingMax; attempt++) {
      // At first they are read while they show whether they rest: what was read in vain is read again.
      const files = attempt === 0 ? await scan() : await this.#settledFiles();
      if (files === null) break;
      const rested = sleep(attempt === 0 ? settleMs : 0);
      // They compile for themselves; meanwhile, rather than afterwards.
      void runners.hold('');
      const job = { from: 'directories', directories, knownDetectors, isForDeciding: true } as const;
      const [compiled, claimed] = await Promise.all([compile(job), readClaim(), rested]);
      // What was read while it changed may be half of the one and half of the other.
      if ((await scan()) !== files) continue;
      return this.#takeUp(compiled, files, { ...wish, claimed });
    }
    return this.#wait(null, 'they keep changing');
  }

  /** The files once two looks at them in a row were equal; null when they never are. */
  async #settledFiles(): Promise<string | null> {
    const { scan, sleep } = this.#options;
    let files = await scan();
    for (let attempt = 0; attempt < settlingMax; attempt++) {
      await sleep(settleMs);
      const again = await scan();
      if (again === files) return files;
      files = again;
    }
    return null;
  }

  async #takeUp(
    compiled: CompiledData,
    files: string,
    wish: Omit<Candidate, 'revision'>,
  ): Promise<PolicyChange> {
    if (!compiled.ok) {
      const note = `rejected ${files}`;
      // On the record already, by the process that saw it first.
      if (wish.trigger === 'watch' && this.#note === note)
        this.#files = { kind: 'rejected', problems: compiled.problems };
      else await this.#reject(compiled.problems, wish.trigger, wish.by);
      this.#note = note;
      this.#handled = files;
      return { outcome: 'rejected', problems: compiled.problems };
    }
    const { id, content, places } = compiled;
    if (id === this.#revision.id || this.#pin !== null) return this.#keep(id, files);
    const { knownDetectors } = this.#options;
    const slices = new Slices(sliceMsMax);
    const result = await compileContent(id, content, { knownDetectors, places, slices });
    if (!result.ok) throw new Error(`the content of ${id} does not compile as its files do`);
    const change = await this.#put({ ...wish, revision: result.revision });
    if (change.outcome === 'activated') {
      this.#files = { kind: 'active' };
      this.#handled = files;
      return change;
    }
    return change.outcome === 'waiting' ? this.#wait(id, change.reason) : change;
  }

  /** The files, which hold `id`, do not change what decides. Its secrets may be others by now: the filter is told. */
  #keep(id: string, files: string): PolicyChange {
    const putInForce = this.#prepare(this.#revision);
    if (putInForce === null) return this.#wait(this.#revision.id, secretUnreadable);
    putInForce();
    this.#handled = files;
    const deciding = this.#revision.id;
    if (id === deciding) {
      this.#files = { kind: 'active' };
      return { outcome: 'unchanged', revision: id };
    }
    this.#files = { kind: 'pinned', revision: id };
    return { outcome: 'pinned', revision: id, pinned: deciding };
  }

  async #rollBack(id: string, reason: string, by: Caller): Promise<PolicyChange> {
    const { clock, knownDetectors, record } = this.#options;
    const content = await record.revisionContent(id);
    if (content === null) return { outcome: 'unknown' };
    const slices = new Slices(sliceMsMax);
    const result = await compileContent(id, content, { knownDetectors, slices });
    if (!result.ok) return { outcome: 'rejected', problems: result.problems };
    const isSame = id === this.#revision.id;
    const pin = { revision: id, principal: by.principal.id, reason, atMs: clock.now() };
    const held = this.#revision;
    const revision = isSame ? held : result.revision;
    const change = await this.#put({ revision, trigger: 'rollback', by, reason, claimed: null, pin });
    if (change.outcome !== 'activated' || isSame) return change;
    // Whatever the files hold, they are not what decides now.
    if (this.#files.kind === 'active') this.#files = { kind: 'pinned', revision: held.id };
    return change;
  }

  /** Held by a runner first, then on the record, then in force. */
  async #put(candidate: Candidate): Promise<PolicyChange> {
    const { clock, logger, runners } = this.#options;
    const { revision, trigger, pin } = candidate;
    const { connectedCount, holdingCount, others } = await runners.hold(revision.id);
    // With nobody connected nothing runs; whoever connects must hold it.
    if (connectedCount > 0 && holdingCount === 0) {
      const reason = `the runner holds ${others[0] || 'none'}; it runs only what it compiled from its own policy files`;
      return { outcome: 'waiting', revision: revision.id, reason };
    }
    const putInForce = this.#prepare(revision);
    if (putInForce === null) return { outcome: 'waiting', revision: revision.id, reason: secretUnreadable };
    const previous = this.#revision.id;
    await this.#record(candidate, previous);
    putInForce();
    this.#revision = revision;
    this.#pin = pin;
    this.#trigger = trigger;
    this.#activatedAtMs = clock.now();
    logger.info({ revision: revision.id, previous, trigger, pinned: pin !== null }, 'policy activated');
    return { outcome: 'activated', revision: revision.id, previous };
  }

  #prepare(revision: Revision): (() => void) | null {
    try {
      return this.#options.prepare(revision);
    } catch (error) {
      this.#options.logger.error({ err: error, revision: revision.id }, 'the revision cannot decide here');
      return null;
    }
  }

  async #record(candidate: Candidate, previous: string | null): Promise<void> {
    const { clock, record } = this.#options;
    const { revision, trigger, by, reason, claimed, pin } = candidate;
    const facts: ActivationFacts = {
      previous,
      trigger,
      principal: by?.principal.id ?? null,
      reason,
      claimed,
    };
    const isStored = (await record.revisionContent(revision.id)) !== null;
    const details = {
      revision: revision.id,
      previous,
      trigger,
      pinned: pin !== null,
      ...(reason === null ? {} : { reason }),
      ...(claimed === null ? {} : { claimed: { ...claimed } }),
    };
    const tenant = by === null ? {} : { tenant: by.principal.tenant };
    await record.write({
      events: [{ type: 'policy_activated', ...actor(by), ...tenant, details }],
      activation: {
        revision: revision.id,
        content: isStored ? null : revision.content,
        atMs: clock.now(),
        facts,
        pin,
      },
    });
    this.#recorded = { revision: revision.id, pin };
  }

  /** The mistakes go to the record as far as it can be written: what decides is not changed by them. */
  async #reject(
    problems: readonly PolicyProblem[],
    trigger: PolicyTrigger,
    by: Caller | null,
  ): Promise<void> {
    const { logger, record } = this.#options;
    this.#files = { kind: 'rejected', problems };
    const shown = problems
      .slice(0, problemsRecordedMax)
      .map((problem) => formatProblem(problem).slice(0, problemCharsMax));
    logger.error({ problems: shown, problemCount: problems.length, trigger }, 'policy rejected');
    const details = { trigger, problemCount: problems.length, revision: this.#revision.id };
    const tenant = by === null ? {} : { tenant: by.principal.tenant };
    try {
      await record.write({
        events: [{ type: 'policy_rejected', ...actor(by), ...tenant, details, content: { problems: shown } }],
      });
    } catch (error) {
      if (!(error instanceof RecordUnavailable)) throw error;
      logger.error({ err: error }, 'rejected policy not recorded');
    }
  }

  /** Whatever was handled before, as beside a pin that is gone: the watch tries again. */
  #wait(revision: string | null, reason: string): PolicyChange {
    this.#handled = null;
    this.#files = { kind: 'waiting', revision, reason };
    this.#options.logger.warn({ revision, reason }, 'policy waits');
    return { outcome: 'waiting', revision, reason };
  }
}

function asked(trigger: PolicyTrigger, by: Caller | null): Wish {
  return { trigger, by, reason: null, pin: null };
}
