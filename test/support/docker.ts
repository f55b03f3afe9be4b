/** The command line of the engine, as an operator uses it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const outputBytesMax = 16 * 1024 * 1024;

/** Runs to its end and gives what was printed, trimmed. Rejects with what was said on stderr. */
export async function command(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { stdout } = await run(program, args, { ...options, maxBuffer: outputBytesMax });
  return stdout.trim();
}

export function docker(...args: readonly string[]): Promise<string> {
  return command('docker', args);
}

export async function dockerLines(...args: readonly string[]): Promise<readonly string[]> {
  return (await docker(...args)).split('\n').filter((line) => line !== '');
}
