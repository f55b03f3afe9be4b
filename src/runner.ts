/**
 * Composition root of the runner process: the only holder of the container engine's socket. It compiles the
 * policy by itself and is told a tool's name, a revision and arguments, never how to build a sandbox.
 */
import { Socket } from 'node:net';
import { detectorIds } from './boundary/detectors.ts';
import type { LoadedConfig } from './config/config.ts';
import type { SandboxExecutor, SandboxProfile } from './execution/executor.ts';
import { createIsolateExecutor } from './execution/isolate/isolate-executor.ts';
import { RunnerServer } from './execution/runner/runner-server.ts';
import { SeenCalls } from './execution/runner/seen-calls.ts';
import { compile } from './policy/compile/compile.ts';
import type { ToolCode } from './model/tool.ts';
import type { Revision } from './policy/revision.ts';
import { createLogger } from './telemetry/logger.ts';
import type { Logger } from './telemetry/logger.ts';

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
export async function runRunner(options: RunnerOptions): Promise<void> {
  const { config } = options.loaded;
  const logger = createLogger(config.logLevel, 'runner');
  await using stack = new AsyncDisposableStack();
  const executors = startExecutors(stack, options, logger);
  executors.catch(() => {});
  try {
    const compiled = await compile({ directories: config.policyDirs, knownDetectors: detectorIds });
    if (!compiled.ok) {
      // The api compiles the same directory and tells its operator; this line is for a directory that changed meanwhile.
      logger.error({ problems: compiled.problems }, 'policy does not compile');
      process.exitCode = 1;
      return;
    }
    const { revision } = compiled;
    // A confinement that was named must be proved before anybody is told that this runner serves.
    if (config.isolateConfinement !== 'auto') await executors;
    const closed = Promise.withResolvers<string>();
    const server = new RunnerServer({
      stream: new Socket({ fd: options.linkFd, readable: true, writable: true }),
      revision: revision.id,
      profileOf: (asked, tool) => (asked === revision.id ? profileOf(revision, tool) : null),
      executors,
      seenCalls: new SeenCalls(),
      logger,
      onClosed: closed.resolve,
    });
    const reason = await closed.promise;
    logger.info({ reason, calls: server.callCount }, 'runner stopping');
  } finally {
    // Executors that are still starting belong to the stack before it is taken down.
    await executors.catch(() => {});
  }
}

async function startExecutors(
  stack: AsyncDisposableStack,
  { loaded: { config }, instance, imagesDirectory }: RunnerOptions,
  logger: Logger,
): Promise<readonly SandboxExecutor[]> {
  const clock = { now: () => Date.now() };
  const { dockerHost } = config;
  // The engine's client takes a while to load; isolates and the link to the api do not wait for it.
  const loading = import('./execution/container/container-executor.ts');
  const isolates = stack.use(await createIsolateExecutor({ confinement: config.isolateConfinement, logger }));
  const { createContainerExecutor } = await loading;
  const containers = stack.use(
    createContainerExecutor({ dockerHost, instance, imagesDirectory, clock, logger }),
  );
  return [isolates, containers];
}

function profileOf(revision: Revision, name: string): SandboxProfile | null {
  const tool = revision.tools.get(name);
  if (tool === undefined) return null;
  const { runtime, limits } = tool;
  const code = codeOf(runtime.code);
  if (runtime.kind === 'isolate') {
    const { reuse, webAssembly } = runtime;
    return { kind: 'isolate', tool: name, limits, code, reuse, webAssembly };
  }
  const image = revision.images.get(runtime.image);
  if (image === undefined) return null;
  return { kind: 'container', tool: name, limits, code, image, engineRuntime: runtime.engineRuntime };
}

function codeOf(code: ToolCode): SandboxProfile['code'] {
  return code.from === 'args' ? null : { name: code.name, source: code.javascript ?? code.source };
}
