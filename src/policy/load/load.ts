/** Reads policy directories into documents that fit their schemas, constants put in. */
import path from 'node:path';
import type { AnyResource, ConstantsResource, Kind, Metadata, SourceDocument } from '../documents.ts';
import type { PolicyProblem } from '../problem.ts';
import { kindOf, SchemaChecker } from './check-schema.ts';
import { Constants, resolveConstants } from './constants.ts';
import { LostNames } from './lost-names.ts';
import { parseYaml } from './parse-yaml.ts';
import type { ParsedDocument } from './parse-yaml.ts';
import { FILE_BYTES_MAX, findFiles, readText, UnreadableFile } from './read-directory.ts';

const DIRECTORIES_MAX = 16;
const UNNAMED: Metadata = Object.freeze({ name: '' });

export interface LoadedDocuments {
  /** Each kind and name once; with problems, possibly only the parts that fit. */
  readonly resources: readonly AnyResource[];
  readonly constants: Constants;
  readonly problems: readonly PolicyProblem[];
  readonly lost: LostNames;
}

/**
 * Loads every document of every directory, in order. Later directories add; a kind and name that is there already is a
 * problem that names both places. Reports all problems at once and never throws for what files hold.
 */
export async function loadDocuments(directories: readonly string[]): Promise<LoadedDocuments> {
  const problems: PolicyProblem[] = [];
  const lost = new LostNames();
  const documents: ParsedDocument[] = [];
  if (directories.length > DIRECTORIES_MAX) {
    problems.push(
      wholeFile(directories[DIRECTORIES_MAX] ?? '', `more than ${DIRECTORIES_MAX} policy directories`),
    );
  }
  for (const directory of directories.slice(0, DIRECTORIES_MAX)) {
    const found = await findFiles(directory);
    if (found.problems.length > 0) lost.addEverything();
    problems.push(...found.problems);
    for (const file of found.files) documents.push(...(await parseFile(directory, file, problems, lost)));
  }
  const { resources, constants } = checkDocuments(documents, problems, lost);
  if (resources.length === 0 && problems.length === 0) {
    problems.push(wholeFile(directories.join(path.delimiter), 'no policy documents found'));
  }
  return { resources, constants, problems, lost };
}

async function parseFile(
  directory: string,
  file: string,
  problems: PolicyProblem[],
  lost: LostNames,
): Promise<readonly ParsedDocument[]> {
  try {
    const parsed = parseYaml(directory, file, await readText(directory, file, FILE_BYTES_MAX));
    problems.push(...parsed.problems);
    for (const text of parsed.lost) lost.addFromText(text);
    return parsed.documents;
  } catch (error) {
    const tooDeep = error instanceof RangeError;
    if (!tooDeep && !(error instanceof UnreadableFile)) throw error;
    lost.addEverything();
    problems.push(wholeFile(file, tooDeep ? 'nested too deep to be read' : error.message));
    return [];
  }
}

function checkDocuments(
  documents: readonly ParsedDocument[],
  problems: PolicyProblem[],
  lost: LostNames,
): Pick<LoadedDocuments, 'resources' | 'constants'> {
  const checker = new SchemaChecker();
  const constants = new Constants(lost);
  const resources: AnyResource[] = [];
  const rest: { readonly kind: Kind; readonly parsed: ParsedDocument }[] = [];
  for (const parsed of documents) {
    // What is missing may be what was refused.
    const kind = kindOf(parsed.source, parsed.isDamaged ? [] : problems);
    if (kind === null) lost.addClaim(null, parsed.source);
    else if (kind !== 'Constants') rest.push({ kind, parsed });
    else {
      const candidate = { document: parsed.source, holes: parsed.holes, constants: new Map() };
      const fitting = checker.check(kind, candidate, problems);
      if (fitting === null || fitting !== parsed.source) lost.addClaim(kind, parsed.source);
      if (fitting === null) continue;
      const resource = toResource(kind, fitting) as ConstantsResource;
      constants.add(resource, problems);
      resources.push(resource);
    }
  }
  const byName = new Map<string, AnyResource>();
  for (const { kind, parsed } of rest) {
    const { document, names, holes } = resolveConstants(parsed.source, constants, problems);
    const candidate = { document, holes: parsed.holes.union(holes), constants: names };
    const fitting = checker.check(kind, candidate, problems);
    if (fitting !== document) lost.addClaim(kind, parsed.source);
    if (fitting === null) continue;
    const resource = toResource(kind, fitting);
    const earlier = byName.get(keyOf(resource));
    if (earlier !== undefined) {
      problems.push(redefinition(earlier, resource));
      continue;
    }
    resources.push(resource);
    if (isNamed(parsed.source)) byName.set(keyOf(resource), resource);
  }
  return { resources, constants };
}

function keyOf({ kind, metadata }: AnyResource): string {
  return `${kind}/${metadata.name}`;
}

/** Tests and scopes need no name: nothing refers to them. */
function isNamed({ value }: SourceDocument): boolean {
  const { metadata } = value as { readonly metadata?: { readonly name?: unknown } | null };
  return typeof metadata?.name === 'string';
}

/** The schema check makes the cast true. */
function toResource(kind: Kind, source: SourceDocument): AnyResource {
  const { metadata = UNNAMED, spec } = source.value as unknown as Pick<AnyResource, 'spec'> & {
    readonly metadata?: Metadata;
  };
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
