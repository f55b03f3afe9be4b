/** The server as a child process: started, watched until it listens, stopped in an orderly way. */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const startMsMax = 60_000;
/** Lines of the log that a failure shows, where the server gave no reason in words (`sallyport: …`). */
const tailLinesMax = 15;

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly logFile: string;
  /** Resolves when the process ends, whoever ended it. */
  readonly exited: Promise<string>;
}

export interface ServerOptions {
  readonly dataDir: string;
  readonly port: string;
}

/** Resolves once the server says that it listens. Rejects with the end of its log when it ends before that. */
export async function startServer({ dataDir, port }: ServerOptions): Promise<RunningServer> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const logFile = join(dataDir, 'server.log');
  const log = createWriteStream(logFile, { mode: 0o600 });
  // A process group of its own: Ctrl-C in the terminal reaches this process alone, which then stops the server once.
  const child = spawn(process.execPath, [program, 'serve'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    // At `info` the server says where it listens, whatever this shell asks for.
    env: { ...process.env, SALLYPORT_DATA_DIR: dataDir, SALLYPORT_PORT: port, SALLYPORT_LOG_LEVEL: 'info' },
  });
  const tail: string[] = [];
  const listening = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      log.write(`${line}\n`);
      tail.push(line);
      if (tail.length > tailLinesMax) tail.shift();
      const url = listeningUrl(line);
      if (url !== null) listening.resolve(url);
    });
  }
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(signal === null ? `exit code ${code}` : `signal ${signal}`),
    );
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await exited;
    log.end();
  };
  const timer = setTimeout(() => listening.reject(new Error('it did not listen in time')), startMsMax);
  void exited.then((reason) => listening.reject(new Error(reason)));
  try {
    return { url: await listening.promise, logFile, exited, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    const said = tail.filter((line) => line.startsWith('sallyport: '));
    throw new Error(['the server did not start.', ...(said.length > 0 ? said : tail)].join('\n'), {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

function listeningUrl(line: string): string | null {
  if (!line.startsWith('{')) return null;
  try {
    const { msg, url } = JSON.parse(line) as { msg?: unknown; url?: unknown };
    return msg === 'listening' && typeof url === 'string' ? url : null;
  } catch {
    return null;
  }
}
