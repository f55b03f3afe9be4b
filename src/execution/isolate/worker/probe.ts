/**
 * The self-test, inside the confined process: `node probe.ts ADDON_PATH RUNNER_PID [stdio]`, spoken to as a worker is. It tries what must not work and
 * says what came of it; then, when asked, it takes memory until it is stopped.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, readSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { encodeControl, soleCallChannel } from '../../protocol/frame.ts';
import type { Attempts, ProbeReport } from './messages.ts';

/** Port 9, discard: nobody needs to answer there. */
const loopbackDiscard = { host: '127.0.0.1', port: 9 };
const greedBytesMax = 256 * 1024 * 1024;
const greedStepBytes = 4 * 1024 * 1024;

/** `done`, or the code of the error. */
function attempt(action: () => unknown): string {
  try {
    action();
    return 'done';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

async function attempts(folders: readonly string[]): Promise<Attempts> {
  return {
    openSocket: await openSocket(),
    readPasswords: attempt(() => readFileSync('/etc/passwd')),
    writeFile: worstOf(folders.map((folder) => attempt(() => writeInto(folder)))),
    spawn: attempt(spawnItself),
  };
}

async function openSocket(): Promise<string> {
  return new Promise((resolve) => {
    const refused = (error: unknown): void => resolve((error as NodeJS.ErrnoException).code ?? String(error));
    try {
      connect(loopbackDiscard, () => resolve('done')).once('error', refused);
    } catch (error) {
      refused(error);
    }
  });
}

function worstOf(outcomes: readonly string[]): string {
  return outcomes.find((outcome) => outcome === 'done') ?? outcomes[0] ?? 'done';
}

function writeInto(folder: string): void {
  const path = join(folder, '.sallyport-probe');
  writeFileSync(path, '');
  try {
    rmSync(path);
  } catch {
    // Written is written: what may not be removed again stays, empty.
  }
}

function spawnItself(): void {
  const { error } = spawnSync(process.execPath, ['--version'], { env: {}, timeout: 5000 });
  if (error !== undefined) throw error;
}

/** Numbers in /proc other than this process's own. */
function otherProcesses(): number {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== String(process.pid)).length;
  } catch {
    return 0;
  }
}

/** Touches every page. Comes back only when nothing stops it. */
function takeMemory(): void {
  const held: Buffer[] = [];
  for (let taken = 0; taken < greedBytesMax; taken += greedStepBytes)
    held.push(Buffer.alloc(greedStepBytes, 1));
  writeSync(
    channel.output,
    encodeControl('ended', soleCallChannel, { takenBytes: held.length * greedStepBytes }),
  );
}

const [addonPath = '', runner = '', mode] = process.argv.slice(2);
const channel = mode === 'stdio' ? { input: 0, output: 1 } : { input: 3, output: 3 };
createRequire(import.meta.url)(addonPath);
const folders = ['/', '/tmp', '/dev/shm', dirname(addonPath), import.meta.dirname];
const outside = await attempts(folders);
const report: ProbeReport = {
  attempts: outside,
  signalRunner: attempt(() => process.kill(Number(runner), 0)),
  readRunner: attempt(() => readFileSync(`/proc/${runner}/environ`)),
  otherProcesses: otherProcesses(),
  // bubblewrap says where it put us; that is no secret.
  environment: Object.keys(process.env).filter((name) => name !== 'PWD' || process.env[name] !== '/'),
  userId: process.getuid?.() ?? -1,
  attemptsUnderPermission: await attemptsUnderPermission(),
};
writeSync(channel.output, encodeControl('ready', soleCallChannel, report));
if (readSync(channel.input, Buffer.alloc(1)) > 0) takeMemory();

/** Node's own wall, whatever stands around it: what it let this process do at first is given up. */
async function attemptsUnderPermission(): Promise<Attempts | null> {
  if (process.permission === undefined) return null;
  for (const scope of ['net', 'fs.read', 'fs.write', 'child']) {
    if (process.permission.has(scope)) process.permission.drop(scope);
  }
  return attempts(folders);
}
