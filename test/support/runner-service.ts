/** The runner as a service of its own, started as its operator does. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { endWithThisProcess } from './processes.ts';
import { repository } from './server.ts';
import type { LogLine } from './server.ts';

export interface RunnerService extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly log: readonly LogLine[];
  stop(signal: NodeJS.Signals): Promise<void>;
}

/** Resolves once it listens; rejects with its stderr when it does not come up. */
export async function startRunnerService(
  address: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<RunnerService> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-runner-'));
  const child = spawn(process.execPath, [join(repository, 'src/main.ts'), 'runner', '--listen', address], {
    cwd: repository,
    env: {
      PATH: process.env['PATH'],
      DOCKER_HOST: process.env['DOCKER_HOST'],
      // Tests of other things count containers and cores: none is made that no call asked for.
      SALLYPORT_WARM_CONTAINERS: 'off',
      SALLYPORT_POLICY_DIR: join(repository, 'policies'),
      SALLYPORT_DATA_DIR: dataDir,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithThisProcess(child);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const log: LogLine[] = [];
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as LogLine;
      log.push(line);
      if (line.msg === 'runner listening') resolve();
    });
    child.once('exit', (code) => reject(new Error(`the runner ended with ${code}: ${stderr}`)));
  });
  void ended.then(() => rmSync(dataDir, { recursive: true, force: true }));
  const stop = (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    return ended;
  };
  return { child, log, stop, [Symbol.asyncDispose]: () => stop('SIGTERM') };
}
