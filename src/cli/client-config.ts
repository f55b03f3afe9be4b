/** The file in which a person keeps where their server is, and the key for it. */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { CommandFailed } from './command-failed.ts';

export interface ClientConfig {
  readonly url?: string;
  /** Goes to this URL and to no other. */
  readonly apiKey?: string;
}

const members: ReadonlySet<string> = new Set(['url', 'apiKey']);
/** Of a group and of others. */
const foreignBits = 0o077;

export function clientConfigFile(environment: NodeJS.ProcessEnv): string {
  const { HOME, XDG_CONFIG_HOME: home = '' } = environment;
  return join(home === '' ? join(HOME ?? homedir(), '.config') : home, 'sallyport', 'config.json');
}

/** Null where there is none. Throws `CommandFailed` for one that others may read or that is not well formed. */
export function readClientConfig(environment: NodeJS.ProcessEnv): ClientConfig | null {
  const file = clientConfigFile(environment);
  const refuse = (why: string, cause?: unknown): never => {
    throw new CommandFailed(2, `${file} ${why}`, { cause });
  };
  let text: string;
  try {
    const { mode, uid } = statSync(file);
    if ((mode & foreignBits) !== 0)
      refuse(`may hold a key, and others may read or change it (mode ${modeText(mode)}): chmod 600 ${file}`);
    const own = process.geteuid?.() ?? uid;
    if (uid !== own)
      refuse(`belongs to user ${uid}, who could change where your key goes: make a file of your own.`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof CommandFailed) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT' || code === 'ENOTDIR' ? null : refuse('cannot be read.', error);
  }
  return (
    parse(text) ??
    refuse('must be JSON such as {"url": "https://…", "apiKey": "spk_…"}, with no other member.')
  );
}

function modeText(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, '0');
}

function parse(text: string): ClientConfig | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  const isRight = Object.entries(value).every(
    ([name, member]) => members.has(name) && typeof member === 'string' && member !== '',
  );
  return isRight ? value : null;
}
