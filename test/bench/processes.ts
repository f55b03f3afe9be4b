/** The processes that are measured: ours as operators start it, the peers beside it. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

const repository = resolve(import.meta.dirname, '../..');

export interface Measured extends AsyncDisposable {
  readonly url: string;
  readonly key: string;
  readonly startMs: number;
  readonly pids: () => { readonly name: string; readonly pid: number }[];
}

/** `source`: a checkout, whose types are stripped as it runs. `packed`: what images and packages hold. */
export type Form = 'source' | 'packed';

/** Makes `dist/`, as packing does. */
export function pack(): void {
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', 'scripts/strip-types.ts'], {
    cwd: repository,
  });
}

/** Our server with everything on, on a fresh data directory and the bench's own policy. `pack` comes before `packed`. */
export async function startSallyport(
  environment: NodeJS.ProcessEnv = {},
  form: Form = 'source',
): Promise<Measured> {
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const child = start([form === 'source' ? 'src/main.ts' : 'dist/main.js', 'serve'], {
    SALLYPORT_PORT: '0',
    SALLYPORT_DATA_DIR: dataDir,
    SALLYPORT_POLICY_DIR: join(import.meta.dirname, 'policies'),
    DOCKER_HOST: process.env['DOCKER_HOST'],
    ...environment,
  });
  const startedAt = performance.now();
  const line = await firstLine(child, (fields) => fields['msg'] === 'listening');
  return {
    url: String(line['url']),
    key: readFileSync(join(dataDir, 'bootstrap.key'), 'utf8').trim(),
    startMs: performance.now() - startedAt,
    pids: () => processTree(child.pid ?? 0),
    [Symbol.asyncDispose]: async () => {
      await stop(child);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The bare server with the same tool code. */
export async function startBareServer(code: string): Promise<Omit<Measured, 'key'>> {
  const child = start(['test/bench/peers/bare-server.ts'], { BENCH_CODE: code });
  const startedAt = performance.now();
  const line = await firstLine(child, (fields) => 'url' in fields);
  return {
    url: String(line['url']),
    startMs: performance.now() - startedAt,
    pids: () => processTree(child.pid ?? 0),
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** Resident memory of a process, bytes (VmRSS). */
export function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

function start(args: readonly string[], environment: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, args, {
    cwd: repository,
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function firstLine(
  child: ChildProcess,
  fits: (fields: Record<string, unknown>) => boolean,
): Promise<Record<string, unknown>> {
  return new Promise((done, fail) => {
    child.once('exit', (code) => fail(new Error(`the server ended with ${code}`)));
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', (text) => {
      const fields = JSON.parse(text) as Record<string, unknown>;
      if (fits(fields)) done(fields);
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGTERM');
  await ended;
}

function processTree(root: number): { name: string; pid: number }[] {
  const parents = new Map<number, { name: string; parent: number }>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8').split('\0');
      const name =
        command
          .find((part) => /\.(ts|js)$/.test(part))
          ?.split('/')
          .at(-1) ??
        command[0]?.split('/').at(-1) ??
        '';
      const isRunner = command.includes('runner');
      parents.set(Number(entry), {
        name: isRunner ? 'runner' : name,
        parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]),
      });
    } catch {
      continue;
    }
  }
  const tree: { name: string; pid: number }[] = [];
  for (const queue = [root]; queue.length > 0;) {
    const pid = queue.shift() ?? 0;
    tree.push({ pid, name: parents.get(pid)?.name ?? '' });
    for (const [child, { parent }] of parents) if (parent === pid) queue.push(child);
  }
  return tree;
}
