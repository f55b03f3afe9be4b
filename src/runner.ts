/**
 * Composition root of the runner process: the only holder of the container engine's socket. It compiles the
 * policy by itself and is told a tool's name, a revision and arguments, never how to build a sandbox.
 */
import { Socket } from 'node:net';
import { detectorIds } from './boundary/detectors.ts';
import type { LoadedConfig } from './config/config.ts';
import { createContainerExecutor } from './execution/container/container-executor.ts';
import type { SandboxProfile } from './execution/executor.ts';
import { createIsolateExecutor } from './execution/isolate/isolate-executor.ts';
import { RunnerServer } from './execution/runner/runner-server.ts';
import { SeenCalls } from './execution/runner/seen-calls.ts';
import { loadRevision } from './policy/load-revision.ts';
import type { Revision } from './policy/revision.ts';
import { createLogger } from './telemetry/logger.ts';

export interface RunnerOptions {
  readonly loaded: LoadedConfig;
  /** Inherited socket to the api. */
  readonly linkFd: number;
  /** The folder of image folders. */
  readonly imagesDirectory: string;
  /** Names this deployment's containers on the engine. */
  readonly instance: string;
}

/** Serves one api until the link closes, then ends every sandbox and resolves. */
export async function runRunner({ loaded, linkFd, instance, imagesDirectory }: RunnerOptions): Promise<void> {
  const { config } = loaded;
  const logger = createLogger(config.logLevel, 'runner');
  const revision = await loadRevision({ directories: config.policyDirs, knownDetectors: detectorIds });
  await using stack = new AsyncDisposableStack();
  const isolates = stack.use(await createIsolateExecutor({ confinement: config.isolateConfinement, logger }));
  const containers = stack.use(
    createContainerExecutor({
      dockerHost: config.dockerHost,
      instance,
      imagesDirectory,
      clock: { now: () => Date.now() },
      logger,
    }),
  );
  const closed = Promise.withResolvers<string>();
  const server = new RunnerServer({
    stream: new Socket({ fd: linkFd, readable: true, writable: true }),
    revision: revision.id,
    profileOf: (asked, tool) => (asked === revision.id ? profileOf(revision, tool) : null),
    executors: [isolates, containers],
    seenCalls: new SeenCalls(),
    logger,
    onClosed: closed.resolve,
  });
  const reason = await closed.promise;
  logger.info({ reason, calls: server.callCount }, 'runner stopping');
}

function profileOf(revision: Revision, name: string): SandboxProfile | null {
  const tool = revision.tools.get(name);
  if (tool === undefined) return null;
  const { runtime, limits } = tool;
  const code = runtime.code.from === 'file' ? { name: runtime.code.name, source: runtime.code.source } : null;
  if (runtime.kind === 'isolate') return { kind: 'isolate', tool: name, limits, code, reuse: runtime.reuse };
  const image = revision.images.get(runtime.image);
  if (image === undefined) return null;
  return { kind: 'container', tool: name, limits, code, image, engineRuntime: runtime.engineRuntime };
}
