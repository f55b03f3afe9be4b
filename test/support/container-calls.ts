/** Calls against a real engine: DOCKER_HOST, as `scripts/setup-docker` prints it. */
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';

import { createContainerExecutor } from '../../src/execution/container/container-executor.ts';
import type {
  ContainerExecutor,
  ContainerExecutorOptions,
} from '../../src/execution/container/container-executor.ts';
import { Engine } from '../../src/execution/container/engine.ts';
import { toolImagePlan } from '../../src/execution/container/image-plan.ts';
import { buildImage } from '../../src/execution/container/images.ts';
import type { ContainerProfile, ExecutionFrame, SandboxRequest } from '../../src/execution/executor.ts';
import type { Limits } from '../../src/model/limits.ts';

export const imagesDirectory = fileURLToPath(new URL('../../sandbox-images', import.meta.url));
export const dockerHost = process.env['DOCKER_HOST'] ?? null;

export const generousLimits: Limits = {
  timeoutMs: 20_000,
  memoryMiB: 128,
  cpus: 1,
  pids: 64,
  outputBytes: 1024 * 1024,
  logBytes: 1024 * 1024,
  artifactBytes: 1024 * 1024,
  hostCalls: 100,
};

export type ShippedImage = 'python' | 'python-data' | 'node' | 'shell';

export function profileOf(image: ShippedImage, changes: Partial<ContainerProfile> = {}): ContainerProfile {
  return {
    kind: 'container',
    tool: `${image}_run`,
    limits: generousLimits,
    code: null,
    image: {
      name: image,
      source: { from: 'local', folder: image },
      entry: image === 'shell' ? 'script' : 'json',
    },
    engineRuntime: 'runc',
    ...changes,
  };
}

export function requestOf(profile: ContainerProfile, args: object): SandboxRequest {
  return {
    callId: `call_${randomUUID()}`,
    tenant: 'acme',
    principal: 'ana',
    revision: 'r1',
    tool: profile.tool,
    limits: profile.limits,
    args: Buffer.from(JSON.stringify(args)),
    profile,
  };
}

export const silentLogger = { info: (): void => {}, warn: (): void => {}, error: (): void => {} };

export function openExecutor(changes: Partial<ContainerExecutorOptions> = {}): ContainerExecutor {
  return createContainerExecutor({
    dockerHost,
    instance: `test-${randomUUID()}`,
    imagesDirectory,
    clock: { now: () => Date.now() },
    logger: silentLogger,
    ...changes,
  });
}

/** Does nothing for images that are there. */
export async function buildImages(...folders: ShippedImage[]): Promise<void> {
  const engine = new Engine(dockerHost);
  for (const folder of folders) await buildImage(engine, toolImagePlan(imagesDirectory, folder));
}

/** How many containers of an instance the engine still has, alive or not. */
export async function countContainers(instance: string): Promise<number> {
  const filters = { label: [`sallyport.instance=${instance}`] };
  return (await new Engine(dockerHost).docker.listContainers({ all: true, filters })).length;
}

type FrameOf<T extends ExecutionFrame['type']> = Extract<ExecutionFrame, { type: T }>;

export interface Seen {
  readonly types: string[];
  readonly stdout: string;
  readonly stderr: string;
  /** Parsed; undefined without a result frame. */
  readonly result: unknown;
  readonly artifacts: Record<string, string>;
  readonly usage: FrameOf<'usage'>;
  readonly exit: FrameOf<'exit'>;
}

/** All frames of a run, put together. */
export async function collect(frames: AsyncIterable<ExecutionFrame>): Promise<Seen> {
  const all: ExecutionFrame[] = [];
  for await (const frame of frames) all.push(frame);
  const text = (type: 'stdout' | 'stderr' | 'result'): string =>
    Buffer.concat(all.flatMap((frame) => (frame.type === type ? [frame.data] : []))).toString();
  const artifacts = all.flatMap((frame) =>
    frame.type === 'artifact' ? [[frame.name, Buffer.from(frame.data).toString()] as const] : [],
  );
  const find = <T extends ExecutionFrame['type']>(type: T): FrameOf<T> =>
    all.find((frame) => frame.type === type) as FrameOf<T>;
  return {
    types: all.map((frame) => frame.type),
    stdout: text('stdout'),
    stderr: text('stderr'),
    result: all.some((frame) => frame.type === 'result') ? JSON.parse(text('result')) : undefined,
    artifacts: Object.fromEntries(artifacts),
    usage: find('usage'),
    exit: find('exit'),
  };
}

/** One call from start to end. */
export async function call(
  executor: ContainerExecutor,
  image: ShippedImage,
  args: object,
  changes: Partial<ContainerProfile> = {},
): Promise<Seen> {
  return await collect(
    executor.run(requestOf(profileOf(image, changes), args), new AbortController().signal),
  );
}
