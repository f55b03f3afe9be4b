/**
 * Whether an image keeps the harness protocol (`sandbox-images/README.md`): it is started locked down, as for a call,
 * and taken through the protocol step by step. Trusted: the engine. Hostile: the image, and all that comes out of it.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { ImageInspectInfo } from 'dockerode';

import type { ContainerProfile, ExecutionFrame } from '../executor.ts';
import { encodeControl, soleCallChannel } from '../protocol/frame.ts';
import type { EngineRuntime, HarnessEntry } from '../../model/tool.ts';
import type { Limits } from '../../model/limits.ts';
import { CallOutput } from './call-output.ts';
import { prepareRequest } from './call-request.ts';
import type { PreparedRequest } from './call-request.ts';
import { prepareCgroupParent } from './cgroup-parent.ts';
import type { Engine } from './engine.ts';
import { containerSpec } from './host-config.ts';
import { inspectImage } from './images.ts';
import { killGraceMs, startTimeoutMs } from './limits.ts';
import type { Logger } from './logger.ts';
import { Sandbox } from './sandbox.ts';
import { serveCall } from './serve-call.ts';
import type { CallEnding } from './serve-call.ts';
import { labels } from './sweep.ts';

export interface ImageCheck {
  /** What is asked of the image, in words. */
  readonly requirement: string;
  readonly state: 'passed' | 'failed' | 'not_tried';
  /** What was seen; null where that says nothing more. */
  readonly seen: string | null;
}

export interface ImageCheckOptions {
  readonly engineRuntime: EngineRuntime;
  /** Code for the image's interpreter that has to come to its end. Null: empty code, which may fail in its own way. */
  readonly code: string | null;
  /** Whether it has to keep a session too. */
  readonly inSession: boolean;
  readonly logger: Logger;
}

const supervisor = '/opt/sallyport/supervisor';
/** For how long a harness that is ready is watched for a word out of turn, milliseconds. */
const silenceMs = 1_000;
const limits: Limits = {
  timeoutMs: 20_000,
  memoryMiB: 256,
  cpus: 1,
  pids: 64,
  outputBytes: 64 * 1024,
  logBytes: 64 * 1024,
  artifactBytes: 64 * 1024,
  hostCalls: 0,
};
const requirements = {
  entrypoint: `its entrypoint is ${supervisor} with a child`,
  volumes: 'it declares no volumes: they would be writable beside /work and /tmp',
  healthcheck: 'it has no health check: the engine would run it inside of the sandbox',
  ready: 'its child is ready without network, capabilities and a writable root',
  silent: 'it says nothing until it is asked',
  answer: 'it answers a request within the protocol',
  gone: 'it ends when the runner goes away',
  session: 'it serves a second request of a session',
} as const;
type Requirement = keyof typeof requirements;

/** Never rejects for what the image does; rejects when the engine fails. `imageId`: one that the engine has. */
export async function checkImage(
  engine: Engine,
  imageId: string,
  options: ImageCheckOptions,
): Promise<readonly ImageCheck[]> {
  const findings = new Map<Requirement, string | null>();
  const note = (requirement: Requirement, seen: string | null): boolean => {
    findings.set(requirement, seen);
    return seen === null;
  };
  const config = (await inspectImage(engine, imageId))?.Config;
  const entrypoint = wordsOf(config?.Entrypoint);
  const volumes = Object.keys(config?.Volumes ?? {});
  note('volumes', volumes.length === 0 ? null : volumes.join(', '));
  note('healthcheck', hasHealthcheck(config) ? 'it has one' : null);
  if (note('entrypoint', objectionTo(entrypoint))) {
    const entry = entrypoint.includes('--ready-at-once') ? 'script' : 'json';
    const subject = new Subject(engine, imageId, { ...options, entry });
    if (note('ready', await subject.start())) {
      if (note('silent', await subject.staysSilent()) && note('answer', await subject.answers()))
        note('gone', await subject.endsAlone());
    }
    await subject[Symbol.asyncDispose]();
    if (options.inSession && findings.get('answer') === null) note('session', await subject.keepsSession());
  }
  const asked = (Object.keys(requirements) as Requirement[]).filter(
    (name) => name !== 'session' || options.inSession,
  );
  return asked.map((name) => checkOf(name, findings));
}

function checkOf(name: Requirement, findings: ReadonlyMap<Requirement, string | null>): ImageCheck {
  const requirement = requirements[name];
  const seen = findings.get(name);
  if (seen === undefined) return { requirement, state: 'not_tried', seen: null };
  return { requirement, state: seen === null ? 'passed' : 'failed', seen };
}

interface SubjectOptions extends ImageCheckOptions {
  readonly entry: HarnessEntry;
}

/** The image in a container, and what became of it. Each step says what was wrong, or null. */
class Subject implements AsyncDisposable {
  readonly #engine: Engine;
  readonly #imageId: string;
  readonly #options: SubjectOptions;
  #sandbox: Sandbox | null = null;
  #ending: CallEnding | null = null;

  constructor(engine: Engine, imageId: string, options: SubjectOptions) {
    this.#engine = engine;
    this.#imageId = imageId;
    this.#options = options;
  }

  async start(): Promise<string | null> {
    const { engineRuntime, logger } = this.#options;
    const { name: cgroupParent } = await prepareCgroupParent(await this.#engine.facts());
    const spec = containerSpec(
      { limits, engineRuntime },
      {
        imageId: this.#imageId,
        cgroupParent,
        labels: {
          [labels.instance]: `check-${randomUUID()}`,
          [labels.deadline]: String(Date.now() + startTimeoutMs + 2 * limits.timeoutMs),
        },
      },
    );
    const signal = AbortSignal.timeout(startTimeoutMs);
    try {
      this.#sandbox = await Sandbox.start(this.#engine, spec, { signal, logger, onRemoved: () => {} });
      return null;
    } catch (error) {
      if (signal.aborted) return `not within ${startTimeoutMs} ms`;
      return error instanceof Error ? error.message : String(error);
    }
  }

  async staysSilent(): Promise<string | null> {
    const sandbox = this.#started;
    await Promise.race([sandbox.spoiled, pause(silenceMs, undefined, { ref: false })]);
    if (sandbox.isIdle) return null;
    return sandbox.isAlive ? 'it printed or answered before there was a request' : 'it ended by itself';
  }

  /** One request, and what became of it. */
  async answers(inSession = false): Promise<string | null> {
    const { engineRuntime, entry } = this.#options;
    const profile: ContainerProfile = {
      kind: 'container',
      tool: 'check',
      limits,
      code: null,
      image: { name: 'check', source: { from: 'digest', reference: this.#imageId }, entry },
      engineRuntime,
    };
    const output = new CallOutput(limits, entry === 'json');
    const prepared = this.#request(profile);
    const serving = serveCall({
      profile,
      frames: inSession ? prepared.request() : prepared.frames(),
      before: this.#started.ownUsage,
      output,
      sandbox: this.#started,
      runtime: { kind: 'container', confinement: engineRuntime, image: this.#imageId, warm: true },
      stop: new AbortController().signal,
      clock: { now: () => performance.now() },
      onEnded: (ending) => {
        this.#ending = ending;
      },
    }).then(
      () => output.queue.end(),
      (error: unknown) => output.queue.end(error instanceof Error ? error : new Error(String(error))),
    );
    const objection = await this.#verdictOn(output.queue);
    await serving;
    return objection;
  }

  /** With nobody on the other side of its stdin. */
  async endsAlone(): Promise<string | null> {
    const sandbox = this.#started;
    sandbox.hangUp();
    await Promise.race([sandbox.closed, pause(killGraceMs, undefined, { ref: false })]);
    return sandbox.isAlive ? `not within ${killGraceMs} ms` : null;
  }

  /** In a container of its own: two requests, of which the second finds it ready again. */
  async keepsSession(): Promise<string | null> {
    await using other = new Subject(this.#engine, this.#imageId, this.#options);
    const objection = await other.start();
    if (objection !== null) return objection;
    await other.#started.send([encodeControl('session', soleCallChannel, {})]);
    for (const which of ['first', 'second']) {
      const wrong = await other.answers(true);
      if (wrong !== null) return `${which} request: ${wrong}`;
      if (other.#ending?.goesOn !== true) return `its child ended with the ${which} request`;
    }
    return null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandbox?.[Symbol.asyncDispose]();
    this.#sandbox = null;
  }

  get #started(): Sandbox {
    if (this.#sandbox === null) throw new TypeError('the image was not started');
    return this.#sandbox;
  }

  #request(profile: ContainerProfile): PreparedRequest {
    const code = this.#options.code ?? '';
    const args = this.#options.entry === 'script' ? { script: code } : { code };
    const prepared = prepareRequest(profile, Buffer.from(JSON.stringify(args)));
    if (prepared.kind === 'refused') throw new TypeError(prepared.message);
    return prepared;
  }

  async #verdictOn(frames: AsyncIterable<ExecutionFrame>): Promise<string | null> {
    const result: Uint8Array[] = [];
    let exit: Extract<ExecutionFrame, { type: 'exit' }> | null = null;
    try {
      for await (const frame of frames) {
        if (frame.type === 'result') result.push(frame.data);
        if (frame.type === 'exit') exit = frame;
      }
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    const { code, entry } = this.#options;
    if (exit?.reason === 'threw' && code === null) return null;
    if (exit?.reason !== 'completed')
      return [exit?.reason, exit?.error?.name, exit?.error?.message].filter(Boolean).join(': ');
    const answer = Buffer.concat(result).toString('utf8');
    return code !== null && entry === 'script' && answer !== '{"exitCode":0}' ? answer : null;
  }
}

function objectionTo(entrypoint: readonly string[]): string | null {
  const end = entrypoint.indexOf('--');
  return entrypoint[0] === supervisor && end !== -1 && end < entrypoint.length - 1
    ? null
    : `it is ${JSON.stringify(entrypoint)}`;
}

function hasHealthcheck(config: ImageInspectInfo['Config'] | undefined): boolean {
  const test = config?.Healthcheck?.Test ?? [];
  return test.length > 0 && test[0] !== 'NONE';
}

function wordsOf(command: string | readonly string[] | null | undefined): readonly string[] {
  return typeof command === 'string' ? [command] : (command ?? []);
}
