/**
 * A revision from its stored content: documents and code as they were compiled once, constants put in. What the files
 * say by now does not matter. Checked like files, for another version of this program may know more, or less.
 */
import type { JsonValue } from '../../model/json.ts';
import type { ToolCode } from '../../model/tool.ts';
import type { AnyResource, ConstantsResource, Metadata, SourceDocument } from '../documents.ts';
import { kindOf, SchemaChecker } from '../load/check-schema.ts';
import { Constants } from '../load/constants.ts';
import type { LoadedDocuments } from '../load/load.ts';
import { LostNames } from '../load/lost-names.ts';
import type { PolicyProblem } from '../problem.ts';
import { compileDocuments, revisionId } from './compile.ts';
import type { CompileResult } from './compile.ts';
import type { Slices } from './slices.ts';

export interface ContentOptions {
  readonly knownDetectors: Iterable<string>;
  /** As in `CompileOptions`. */
  readonly isDeciding?: boolean;
  /** Of the files that it was read from, where they are known. */
  readonly places?: readonly string[];
  readonly slices?: Slices;
}

/** The content is not that of the revision that it was stored as. */
export class ContentAltered extends Error {
  override readonly name = 'ContentAltered';
}

/** Throws `ContentAltered` when the content does not have this id. */
export async function compileContent(
  id: string,
  content: string,
  { knownDetectors, isDeciding = true, places, slices }: ContentOptions,
): Promise<CompileResult> {
  if (revisionId(content) !== id) throw new ContentAltered(`The stored content of ${id} was altered.`);
  const { documents, code } = JSON.parse(content) as Content;
  return compileDocuments(readDocuments(documents), {
    knownDetectors,
    isDeciding,
    stored: { content, code: new Map(Object.entries(code)), places: places ?? null },
    ...(slices === undefined ? {} : { slices }),
  });
}

interface Content {
  readonly code: Readonly<Record<string, ToolCode>>;
  readonly documents: readonly JsonValue[];
}

function readDocuments(documents: readonly JsonValue[]): LoadedDocuments {
  const problems: PolicyProblem[] = [];
  const lost = new LostNames();
  const constants = new Constants(lost);
  const checker = new SchemaChecker();
  const resources: AnyResource[] = [];
  for (const value of documents) {
    const source = sourceOf(value);
    const kind = kindOf(source, problems);
    if (kind === null) continue;
    const fitting = checker.check(
      kind,
      { document: source, holes: new Set(), constants: new Map() },
      problems,
    );
    if (fitting === null) continue;
    const { metadata = { name: '' }, spec } = value as unknown as Pick<AnyResource, 'spec'> & {
      readonly metadata?: Metadata;
    };
    // The schema check makes the cast true.
    const resource = { kind, metadata, spec, source: fitting } as AnyResource;
    if (kind === 'Constants') constants.add(resource as ConstantsResource, problems);
    resources.push(resource);
  }
  return { resources, constants, problems, lost };
}

/** A stored document has no lines; kind and name say which it is. */
function sourceOf(value: JsonValue): SourceDocument {
  const named = value as { readonly kind?: string; readonly metadata?: { readonly name?: string } } | null;
  const place = { line: 1, column: 1 };
  return {
    directory: '',
    file: `${named?.kind}/${named?.metadata?.name ?? ''}`,
    value,
    isPartial: false,
    pointerInFile: (pointer) => pointer,
    locate: () => place,
    locateKey: () => place,
    locateInText: () => place,
  };
}
