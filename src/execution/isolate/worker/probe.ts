/** The self-test, inside the confined process: tries what must not work and reports what did. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';

/** Port 9, discard: nobody needs to answer there. */
const loopbackDiscard = { host: '127.0.0.1', port: 9 };

/** What the process could do though it must not; empty is good. */
export async function probeConfinement(): Promise<string[]> {
  const breaches: string[] = [];
  if (await canOpenSocket()) breaches.push('opened a socket');
  if (succeeds(() => readFileSync('/etc/passwd'))) breaches.push('read /etc/passwd');
  if (succeeds(() => writeFileSync('/tmp/sallyport-probe', ''))) breaches.push('wrote a file');
  if (succeeds(spawnItself)) breaches.push('spawned a process');
  if (hasEnvironment()) breaches.push('saw environment variables');
  return breaches;
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

/** bubblewrap says where it put us; that is no secret. */
function hasEnvironment(): boolean {
  return Object.entries(process.env).some(([name, value]) => name !== 'PWD' || value !== '/');
}

function spawnItself(): void {
  const { error } = spawnSync(process.execPath, ['--version'], { timeout: 5000 });
  if (error !== undefined) throw error;
}

/** Refusals of the confinement; any other answer, a refused connection too, means that a socket was there. */
const confined: ReadonlySet<unknown> = new Set(['ERR_ACCESS_DENIED', 'EACCES', 'EPERM', 'ENETUNREACH']);

async function canOpenSocket(): Promise<boolean> {
  return new Promise((resolve) => {
    const refused = (error: unknown): void => resolve(!confined.has((error as NodeJS.ErrnoException).code));
    try {
      connect(loopbackDiscard, () => resolve(true)).once('error', refused);
    } catch (error) {
      refused(error);
    }
  });
}
