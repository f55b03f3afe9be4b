/**
 * YAML text to JSON values with the way back to the source. Only plain data passes: no anchors, aliases or tags, no
 * directives, no duplicate keys, no numbers that JSON cannot carry exactly.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Document, Node, Pair } from 'yaml';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { JSON_DEPTH_MAX } from '../copy-json.ts';
import type { Place, SourceDocument } from '../documents.ts';
import { escapePointer } from '../json-pointer.ts';
import type { PolicyProblem } from '../problem.ts';
import { textPlace } from './text-place.ts';

const DOCUMENTS_PER_FILE_MAX = 20_000;

interface Positions {
  /** Nodes of values by JSON pointer. */
  readonly values: Map<string, Node>;
  /** Offset of a member's key by the member's JSON pointer. */
  readonly keys: Map<string, number>;
}

export interface ParsedDocument {
  readonly source: SourceDocument;
  /** Pointers of values that were refused and reported; null stands there. */
  readonly holes: ReadonlySet<string>;
  /** Whether anything in it was refused. */
  readonly isDamaged: boolean;
}

export interface ParsedFile {
  readonly documents: readonly ParsedDocument[];
  readonly problems: readonly PolicyProblem[];
  /** Text of documents that do not parse. */
  readonly lost: readonly string[];
}

/** Parses one file. Every problem of every document is reported; a document whose syntax is broken is left out. */
export function parseYaml(directory: string, file: string, text: string): ParsedFile {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    prettyErrors: false,
    logLevel: 'silent',
  });
  const documents: ParsedDocument[] = [];
  const problems: PolicyProblem[] = [];
  const lost: string[] = [];
  const list: readonly Document.Parsed[] = 'empty' in parsed ? [] : parsed;
  if (list.length > DOCUMENTS_PER_FILE_MAX) {
    const message = `more than ${DOCUMENTS_PER_FILE_MAX} documents in one file`;
    const problem = { file, line: 1, column: 1, path: '', message, hint: 'split the file' };
    return { documents, problems: [problem], lost: [text] };
  }
  for (const document of list) {
    const parsed = new DocumentReader(file, lines, problems).read(document, directory, text);
    if (parsed !== null) documents.push(parsed);
    else if (document.errors.length > 0) lost.push(text.slice(document.range[0], document.range[2]));
  }
  return { documents, problems, lost };
}

class DocumentReader {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #problems: PolicyProblem[];
  readonly #positions: Positions = { values: new Map(), keys: new Map() };
  readonly #holes = new Set<string>();
  #isDamaged = false;

  constructor(file: string, lines: LineCounter, problems: PolicyProblem[]) {
    this.#file = file;
    this.#lines = lines;
    this.#problems = problems;
  }

  read(document: Document.Parsed, directory: string, text: string): ParsedDocument | null {
    this.#reportSyntax(document.errors);
    if (document.directives.yaml.explicit === true || Object.keys(document.directives.tags).length > 1) {
      this.#complain(
        document.range[0],
        '',
        'YAML directives are not allowed',
        'remove the line starting with %',
      );
    }
    if (document.errors.length > 0 || document.contents === null) return null;
    const root: Node = document.contents;
    const value = this.#convert(root, '', 0);
    return {
      source: this.#source(value, root, directory, text),
      holes: this.#holes,
      isDamaged: this.#isDamaged,
    };
  }

  /** Of an indentation with tabs the parser makes mistakes of other lines, too. */
  #reportSyntax(errors: Document.Parsed['errors']): void {
    const tab = errors.find(({ code }) => code === 'TAB_AS_INDENT');
    if (tab === undefined) for (const { pos, message } of errors) this.#complain(pos[0], '', message);
    else this.#complain(tab.pos[0], '', tab.message, 'indent with spaces, here and in the lines below');
  }

  #source(value: JsonValue, root: Node, directory: string, text: string): SourceDocument {
    const { values, keys } = this.#positions;
    const nearest = (pointer: string): Node => {
      for (let at = pointer; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
        const node = values.get(at);
        if (node !== undefined) return node;
      }
      return root;
    };
    return {
      directory,
      file: this.#file,
      value,
      isPartial: false,
      pointerInFile: (pointer) => pointer,
      locate: (pointer) => this.#place(startOf(nearest(pointer))),
      locateKey: (pointer) => this.#place(keys.get(pointer) ?? startOf(nearest(pointer))),
      locateInText: (pointer, offset) => this.#place(textPlace(text, nearest(pointer), offset)),
    };
  }

  #convert(node: unknown, pointer: string, depth: number): JsonValue {
    if (isAlias(node)) {
      return this.#refuse(startOf(node), pointer, 'aliases are not allowed', 'write the value out');
    }
    if (!isScalar(node) && !isMap(node) && !isSeq(node)) return null;
    this.#positions.values.set(pointer, node);
    if (node.anchor !== undefined) {
      this.#complain(
        startOf(node),
        pointer,
        'anchors are not allowed',
        'write the value out where it is needed',
      );
    }
    if (node.tag !== undefined) {
      return this.#refuse(
        startOf(node),
        pointer,
        `the tag ${node.tag} is not allowed`,
        'put the value in quotes',
      );
    }
    if (depth > JSON_DEPTH_MAX) {
      return this.#refuse(startOf(node), pointer, `nested deeper than ${JSON_DEPTH_MAX} levels`);
    }
    if (isSeq(node)) return node.items.map((item, at) => this.#convert(item, `${pointer}/${at}`, depth + 1));
    if (isMap(node)) return this.#convertMap(node.items, pointer, depth);
    return this.#scalar(node.value, startOf(node), pointer);
  }

  #convertMap(pairs: readonly Pair[], pointer: string, depth: number): JsonObject {
    const entries = new Map<string, JsonValue>();
    for (const pair of pairs) {
      const key: unknown = isScalar(pair.key) ? pair.key.value : null;
      const offset = startOf(pair.key);
      if (typeof key !== 'string') {
        this.#complain(offset, pointer, 'a key must be a plain string', 'put the key in quotes');
        continue;
      }
      const member = `${pointer}/${escapePointer(key)}`;
      if (isScalar(pair.key) && (pair.key.anchor !== undefined || pair.key.tag !== undefined)) {
        this.#complain(offset, member, 'anchors and tags are not allowed on keys');
      }
      if (entries.has(key)) {
        this.#complain(offset, member, `the key "${key}" stands here twice`, 'remove one of them');
        continue;
      }
      this.#positions.keys.set(member, offset);
      entries.set(key, this.#convert(pair.value, member, depth + 1));
    }
    return Object.fromEntries(entries);
  }

  #scalar(value: unknown, offset: number, pointer: string): JsonValue {
    if (value === null || value === undefined) return null;
    if (typeof value === 'string' || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      const exact = Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value);
      return exact ? value : this.#refuse(offset, pointer, 'a number that JSON cannot carry exactly');
    }
    return this.#refuse(offset, pointer, 'a value that JSON cannot carry', 'put it in quotes');
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  /** Reports a value that cannot be read; null stands in its place. */
  #refuse(offset: number, pointer: string, message: string, hint?: string): null {
    this.#holes.add(pointer);
    this.#complain(offset, pointer, message, hint);
    return null;
  }

  #complain(offset: number, path: string, message: string, hint?: string): void {
    this.#isDamaged = true;
    const problem = { file: this.#file, ...this.#place(offset), path, message };
    this.#problems.push(hint === undefined ? problem : { ...problem, hint });
  }
}

function startOf(node: unknown): number {
  if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isAlias(node)) return 0;
  return node.range?.[0] ?? 0;
}
