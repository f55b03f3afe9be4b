/** A revision by what a person calls it: a directory of policy files here, or one that the server keeps. */
import { existsSync } from 'node:fs';
import type { JsonObject } from '../../model/json.ts';
import type { Revision } from '../../policy/revision.ts';
import { CommandFailed } from '../command-failed.ts';
import type { Client } from '../client.ts';
import { findRevision } from './revisions.ts';

/** Compiles the files. Throws `PolicyInvalid` with every mistake. */
export async function revisionOfFiles(directories: readonly string[]): Promise<Revision> {
  const [{ loadRevision }, { detectorIds }] = await Promise.all([
    import('../../policy/load-revision.ts'),
    import('../../boundary/detectors.ts'),
  ]);
  return loadRevision({ directories, knownDetectors: detectorIds });
}

/** Null where the server does not keep it any more; without a name the one that decides now. Needs the scope policy. */
export async function revisionOfServer(client: Client, wanted?: string): Promise<Revision | null> {
  const [{ compileContent }, { canonicalJson }, { detectorIds }, { formatProblems }] = await Promise.all([
    import('../../policy/compile/compile-content.ts'),
    import('../../policy/canonical-json.ts'),
    import('../../boundary/detectors.ts'),
    import('../../policy/lint.ts'),
  ]);
  const id = await findRevision(client, wanted);
  if (id === null) return null;
  const { code, documents } = (await client.request('GET', `/v1/policy/revisions/${id}`)) as {
    readonly code: JsonObject;
    readonly documents: JsonObject[];
  };
  const content = canonicalJson({ code, documents });
  const compiled = await compileContent(id, content, { knownDetectors: detectorIds });
  if (compiled.ok) return compiled.revision;
  throw new CommandFailed(
    1,
    `Revision ${id} does not compile with this version:\n${formatProblems(compiled.problems)}`,
  );
}

/** A directory (or several, with `:` between them) that is here, else first digits of a revision of the server. */
export async function namedRevision(client: () => Client, name: string): Promise<Revision> {
  const directories = name.split(':');
  if (directories.every((directory) => existsSync(directory))) return revisionOfFiles(directories);
  const found = await revisionOfServer(client(), name);
  if (found !== null) return found;
  throw new CommandFailed(
    1,
    `${name} is no directory here, and no revision that the server keeps: "sallyport policy history" lists those.`,
  );
}
