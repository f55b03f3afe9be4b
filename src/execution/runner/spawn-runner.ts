/**
 * The runner as a child process on a private socket pair: nobody else can connect, and when this process dies,
 * however it dies, the runner reads the end of the stream, ends every sandbox and exits.
 */
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { OpenedRunner, RunnerOpener } from './open-runner.ts';

/** File descriptor of the link in the child. */
export const runnerLinkFd = 3;

/** `command`: script and arguments, run by this process's own Node. */
export function childRunner(command: readonly string[], environment: NodeJS.ProcessEnv): RunnerOpener {
  return {
    identity: 'same-user',
    name: 'child process',
    outlivesApi: () => false,
    open: () => spawnRunner(command, environment),
  };
}

/**
 * The same, with its first process started now, for the first `open` to take up. Where nobody did, disposing ends it.
 * Throws when it cannot be started.
 */
export function openedAhead(opener: RunnerOpener): RunnerOpener & AsyncDisposable {
  let ahead: OpenedRunner | null = opener.open();
  // Until somebody listens; that it is gone says `gone`.
  ahead.stream.on('error', () => {});
  return {
    ...opener,
    open() {
      const first = ahead;
      ahead = null;
      return first ?? opener.open();
    },
    async [Symbol.asyncDispose]() {
      const unused = ahead;
      ahead = null;
      unused?.kill();
      await unused?.gone;
    },
  };
}

function spawnRunner(command: readonly string[], environment: NodeJS.ProcessEnv): OpenedRunner {
  const child = spawn(process.execPath, [...process.execArgv, ...command], {
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
  });
  const gone = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : `signal ${signal}`));
  });
  const stream = child.stdio[runnerLinkFd];
  // A spawn that failed (no descriptor or process left) may have made no pipe.
  if (!(stream instanceof Duplex)) throw new Error('the runner process cannot be started');
  return { stream, identity: { runnerPid: child.pid }, gone, kill: () => void child.kill('SIGKILL') };
}
