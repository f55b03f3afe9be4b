/**
 * Proof, before any call, that a confinement holds here: the confined process tries what it must not be able to do,
 * and the runner looks at it from outside. Trusted: the program of the probe, which is our own.
 */
import type { Confinement, LaunchedWorker } from './confinement.ts';
import { workerProgram } from './confinement.ts';
import { readEvidence } from './process-evidence.ts';
import { breachesIn, protections } from './protections.ts';
import type { Proof } from './protections.ts';
import { FrameDecoder, parseControl } from '../protocol/frame-decoder.ts';
import type { ProbeReport } from './worker/messages.ts';

/** A worker starts in about 0.1 s; a slow, busy machine gets this long. */
const selfTestMsMax = 15_000;
const lastWordsCharsMax = 500;
/** What the probe may add to its memory before the kernel must end it; it tries to take much more. */
const greedBytesAllowed = 16 * 1024 * 1024;

export interface SelfTest {
  /** Why this confinement must not be used; null when it passed. */
  readonly objection: string | null;
  /** Claims that were proved. */
  readonly protections: readonly string[];
  /** What the host lacks, and claims that were not proved. */
  readonly missing: readonly string[];
}

type Answer = { readonly payload: Readonly<Record<string, unknown>> } | { readonly objection: string };

export async function testConfinement(confinement: Confinement, addonPath: string): Promise<SelfTest> {
  const program = workerProgram(addonPath, 'probe');
  const worker = confinement.launch({
    ...program,
    args: [...program.args, String(process.pid)],
    nodeFlags: confinement.holdsWithoutNode === true ? everyPermission : [],
  });
  const answers = new Answers(worker);
  try {
    const answer = await answers.next();
    if ('objection' in answer) return refused(answer.objection);
    const report = parseReport(answer.payload);
    if (report === null) return refused('the self-test answered nonsense');
    const breaches = breachesIn(report);
    if (breaches.length > 0) return refused(`a confined worker ${breaches.join(', ')}`);
    const seen = readEvidence(worker.workerPid());
    const hasTaskLimit = worker.hasTaskLimit?.() ?? null;
    const wasStoppedForMemory = await isStoppedForMemory(worker, answers);
    return judge(confinement, { report, seen, hasTaskLimit, wasStoppedForMemory });
  } finally {
    answers.stop();
    worker.kill();
  }
}

/** Node's own wall is opened for the probe where another stands around it: the other one is what has to hold. */
const everyPermission = [
  '--allow-fs-read=*',
  '--allow-fs-write=*',
  '--allow-net',
  '--allow-child-process',
] as const;

function judge(confinement: Confinement, proof: Proof): SelfTest {
  const proved: string[] = [];
  const missing: string[] = [...confinement.missing];
  const broken: string[] = [];
  for (const claim of confinement.protections) {
    const protection = protections[claim];
    const holds = protection?.holds(proof) ?? null;
    if (holds === true) proved.push(claim);
    else if (holds === false && protection?.isEssential === true) broken.push(claim);
    else missing.push(`${claim} (${holds === false ? 'it does not hold' : 'it cannot be proved here'})`);
  }
  if (broken.length > 0) return refused(`these protections do not hold: ${broken.join(', ')}`);
  return { objection: null, protections: proved, missing };
}

/** Only asked of a worker whose memory the kernel limits. */
async function isStoppedForMemory(worker: LaunchedWorker, answers: Answers): Promise<boolean | null> {
  if (worker.memory === null) return null;
  try {
    worker.memory.startCall(greedBytesAllowed);
  } catch {
    return false;
  }
  worker.channel.write('x');
  await answers.next();
  // It ended by itself, and the kernel counted it: a probe that took all that it wanted is still there.
  return !worker.isAlive && (await worker.ended).cause === 'out_of_memory';
}

/** What a probe says, one frame after the other, until it ends or its time is over. */
class Answers {
  readonly #timer: NodeJS.Timeout;
  #next = Promise.withResolvers<Answer>();

  constructor({ channel, ended }: LaunchedWorker) {
    this.#timer = setTimeout(
      () => this.#give({ objection: `the self-test did not answer in ${selfTestMsMax} ms` }),
      selfTestMsMax,
    );
    const decoder = new FrameDecoder(['ready', 'ended']);
    channel.on('error', () => {});
    channel.on('data', (chunk: Buffer) => {
      const violation = decoder.decode(chunk, (frame) => this.#give({ payload: parseControl(frame) ?? {} }));
      if (violation !== null) this.#give({ objection: `the self-test answered with ${violation.detail}` });
    });
    void this.#giveEnd(ended);
  }

  async next(): Promise<Answer> {
    const answer = await this.#next.promise;
    this.#next = Promise.withResolvers();
    return answer;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #giveEnd(ended: LaunchedWorker['ended']): Promise<void> {
    const { how, lastWords } = await ended;
    const why = lastWords.trim().slice(0, lastWordsCharsMax) || how;
    this.#give({ objection: `a worker cannot be started: ${why}` });
  }

  #give(answer: Answer): void {
    this.#next.resolve(answer);
  }
}

function refused(objection: string): SelfTest {
  return { objection, protections: [], missing: [] };
}

const attemptNames = ['openSocket', 'readPasswords', 'writeFile', 'spawn'] as const;

/** Null when it is not what the probe says. */
function parseReport(payload: Readonly<Record<string, unknown>>): ProbeReport | null {
  const { attempts, attemptsUnderPermission, environment, otherProcesses, readRunner, signalRunner, userId } =
    payload;
  const isAttempts = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    attemptNames.every((name) => typeof (value as Record<string, unknown>)[name] === 'string');
  const fits =
    isAttempts(attempts) &&
    (attemptsUnderPermission === null || isAttempts(attemptsUnderPermission)) &&
    Array.isArray(environment) &&
    typeof otherProcesses === 'number' &&
    typeof userId === 'number' &&
    typeof readRunner === 'string' &&
    typeof signalRunner === 'string';
  return fits ? (payload as unknown as ProbeReport) : null;
}
