/** What a policy directory says of itself in `REVISION.json`, written by whoever deployed it. Claimed, checked by nobody. */
import path from 'node:path';
import { readText, UnreadableFile } from './read-directory.ts';

export interface RevisionClaim {
  readonly commit: string | null;
  readonly author: string | null;
}

const fileBytesMax = 4096;
const textCharsMax = 200;

/** Of the first directory that has one; null where there is none, or it is not `{commit, author}`. */
export async function readClaim(directories: readonly string[]): Promise<RevisionClaim | null> {
  for (const directory of directories) {
    try {
      const text = await readText(directory, path.join(directory, 'REVISION.json'), fileBytesMax);
      const claim = claimOf(JSON.parse(text));
      if (claim !== null) return claim;
    } catch (error) {
      if (!(error instanceof UnreadableFile || error instanceof SyntaxError)) throw error;
    }
  }
  return null;
}

function claimOf(value: unknown): RevisionClaim | null {
  if (value === null || typeof value !== 'object') return null;
  const { commit, author } = value as { readonly commit?: unknown; readonly author?: unknown };
  const claim = { commit: textOf(commit), author: textOf(author) };
  return claim.commit === null && claim.author === null ? null : claim;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, textCharsMax) : null;
}
