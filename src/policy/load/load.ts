/** Reads policy directories into documents that fit their schemas. */
import path from 'node:path';
import type { AnyResource, Kind, SourceDocument } from '../documents.ts';
import type { PolicyProblem } from '../problem.ts';
import { createSchemaChecker } from './check-schema.ts';
import { parseYaml } from './parse-yaml.ts';
import { FILE_BYTES_MAX, findFiles, readText, UnreadableFile } from './read-directory.ts';

const DIRECTORIES_MAX = 16;

export interface LoadedDocuments {
  readonly resources: readonly AnyResource[];
  readonly problems: readonly PolicyProblem[];
  /** `kind/name` of documents that do not fit their schema: references to them are not a second mistake. */
  readonly broken: ReadonlySet<string>;
}

/**
 * Loads every document of every directory, in order. Later directories add; a kind and name that is there already is a
 * problem that names both places. Reports all problems at once and never throws for what files hold.
 */
export async function loadDocuments(directories: readonly string[]): Promise<LoadedDocuments> {
  const problems: PolicyProblem[] = [];
  const documents: SourceDocument[] = [];
  if (directories.length > DIRECTORIES_MAX) {
    problems.push(
      wholeFile(directories[DIRECTORIES_MAX] ?? '', `more than ${DIRECTORIES_MAX} policy directories`),
    );
  }
  for (const directory of directories.slice(0, DIRECTORIES_MAX)) {
    const found = await findFiles(directory);
    problems.push(...found.problems);
    for (const file of found.files) documents.push(...(await parseFile(directory, file, problems)));
  }
  const { resources, broken } = checkDocuments(documents, problems);
  if (resources.length === 0 && problems.length === 0) {
    problems.push(wholeFile(directories.join(path.delimiter), 'no policy documents found'));
  }
  return { resources, problems, broken };
}

async function parseFile(
  directory: string,
  file: string,
  problems: PolicyProblem[],
): Promise<readonly SourceDocument[]> {
  try {
    const parsed = parseYaml(directory, file, await readText(directory, file, FILE_BYTES_MAX));
    problems.push(...parsed.problems);
    return parsed.documents;
  } catch (error) {
    const tooDeep = error instanceof RangeError;
    if (!tooDeep && !(error instanceof UnreadableFile)) throw error;
    problems.push(wholeFile(file, tooDeep ? 'nested too deep to be read' : error.message));
    return [];
  }
}

function checkDocuments(
  documents: readonly SourceDocument[],
  problems: PolicyProblem[],
): Pick<LoadedDocuments, 'resources' | 'broken'> {
  const checker = createSchemaChecker();
  const broken = new Set<string>();
  const byName = new Map<string, AnyResource>();
  for (const source of documents) {
    const kind = checker.check(source, problems);
    if (kind === null) {
      broken.add(claimedName(source));
      continue;
    }
    const resource = toResource(kind, source);
    const key = `${kind}/${resource.metadata.name}`;
    const earlier = byName.get(key);
    if (earlier === undefined) byName.set(key, resource);
    else problems.push(redefinition(earlier, resource));
  }
  return { resources: [...byName.values()], broken };
}

function claimedName({ value }: SourceDocument): string {
  const claim = value as {
    readonly kind?: unknown;
    readonly metadata?: { readonly name?: unknown } | null;
  } | null;
  return `${String(claim?.kind)}/${String(claim?.metadata?.name)}`;
}

/** The schema check makes the cast true. */
function toResource(kind: Kind, source: SourceDocument): AnyResource {
  const { metadata, spec } = source.value as unknown as Pick<AnyResource, 'metadata' | 'spec'>;
  return { kind, metadata, spec, source } as AnyResource;
}

function redefinition(earlier: AnyResource, later: AnyResource): PolicyProblem {
  const pointer = '/metadata/name';
  const { line, column } = earlier.source.locate(pointer);
  return {
    file: later.source.file,
    ...later.source.locate(pointer),
    path: pointer,
    message: `${later.kind} "${later.metadata.name}" is already defined at ${earlier.source.file}:${line}:${column}`,
    hint: 'later documents add and never redefine: rename or remove one',
  };
}

function wholeFile(file: string, message: string): PolicyProblem {
  return { file, line: 1, column: 1, path: '', message };
}
