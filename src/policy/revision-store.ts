/**
 * Revisions that this runner compiled from its own policy files, kept by their hash in a folder of its own.
 *
 * Trusted: whoever may write to the policy directory or to this folder. Not trusted: the api. It may ask for a revision
 * by its hash, after a roll-back or a start on a broken directory, but it can never bring one: a hash proves that a
 * content was not altered, not that an operator wrote it, and an api that was taken over would compute the hash of its
 * own tools. So a runner that has never seen a revision refuses it. What a taken-over api can still choose is an older
 * policy of the same operator; who wants to close that as well empties the folder.
 */
import { chmod, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { revisionId } from './compile/compile.ts';

/** Contents kept; those that were used longest ago go first. */
const keptMax = 32;

const idPattern = /^sha256:([0-9a-f]{64})$/;

export class RevisionStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Keeps a content for later, durable when resolved. Rejects when the folder cannot be written. */
  async put(id: string, content: string): Promise<void> {
    const file = this.#fileOf(id);
    if (file === null) throw new TypeError(`${id} is no revision`);
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await chmod(this.#directory, 0o700);
    if ((await this.get(id)) === content) return;
    const temporary = `${file}.new`;
    await rm(temporary, { force: true });
    await writeFile(temporary, content, { mode: 0o600, flag: 'wx', flush: true });
    await rename(temporary, file);
    await this.#prune();
  }

  /** The content of a revision; null when it is not here, or is not what its name says. */
  async get(id: string): Promise<string | null> {
    const file = this.#fileOf(id);
    if (file === null) return null;
    try {
      const content = await readFile(file, 'utf8');
      if (revisionId(content) !== id) return null;
      const now = new Date();
      await utimes(file, now, now);
      return content;
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** What stands in a message from outside becomes a path only as 64 hexadecimal digits. */
  #fileOf(id: string): string | null {
    const hash = idPattern.exec(id)?.[1];
    return hash === undefined ? null : path.join(this.#directory, `${hash}.json`);
  }

  async #prune(): Promise<void> {
    const names = (await readdir(this.#directory)).filter((name) => name.endsWith('.json'));
    if (names.length <= keptMax) return;
    const files = names.map((name) => path.join(this.#directory, name));
    const aged = await Promise.all(files.map(async (file) => ({ file, usedMs: (await stat(file)).mtimeMs })));
    const oldest = aged.toSorted((a, b) => a.usedMs - b.usedMs).slice(0, aged.length - keptMax);
    for (const { file } of oldest) await rm(file, { force: true });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
