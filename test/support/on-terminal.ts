import { execFile } from 'node:child_process';
import { repository } from './server.ts';

/** What a command writes to a terminal of its own: script(1) of util-linux. */
export async function onTerminal(command: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const program = `${process.execPath} src/main.ts ${command}`;
  const env = { PATH: process.env['PATH'], TERM: 'xterm-256color', ...environment };
  return await new Promise((resolve, reject) => {
    execFile(
      'script',
      ['--quiet', '--command', program, '/dev/null'],
      { cwd: repository, env },
      (error, stdout) => (error !== null && stdout === '' ? reject(error) : resolve(stdout)),
    );
  });
}
