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

export interface ParsedFile {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly PolicyProblem[];
}

/** Parses one file. Every problem of every document is reported; a document with a problem is left out. */
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
  const documents: SourceDocument[] = [];
  const problems: PolicyProblem[] = [];
  const list: readonly Document.Parsed[] = 'empty' in parsed ? [] : parsed;
  if (list.length > DOCUMENTS_PER_FILE_MAX) {
    const message = `more than ${DOCUMENTS_PER_FILE_MAX} documents in one file`;
    return { documents, problems: [{ file, line: 1, column: 1, path: '', message, hint: 'split the file' }] };
  }
  for (const document of list) {
    const reader = new DocumentReader(file, lines, problems);
    const source = reader.read(document, directory, text);
    if (source !== null) documents.push(source);
  }
  return { documents, problems };
}

class DocumentReader {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #problems: PolicyProblem[];
  readonly #positions: Positions = { values: new Map(), keys: new Map() };
  #clean = true;

  constructor(file: string, lines: LineCounter, problems: PolicyProblem[]) {
    this.#file = file;
    this.#lines = lines;
    this.#problems = problems;
  }

  read(document: Document.Parsed, directory: string, text: string): SourceDocument | null {
    for (const error of document.errors) this.#complain(error.pos[0], '', error.message);
    if (document.directives.yaml.explicit === true || Object.keys(document.directives.tags).length > 1) {
      this.#complain(
        document.range[0],
        '',
        'YAML directives are not allowed',
        'remove the line starting with %',
      );
    }
    if (!this.#clean || document.contents === null) return null;
    const root: Node = document.contents;
    const value = this.#convert(root, '', 0);
    return this.#clean ? this.#source(value, root, directory, text) : null;
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
      locate: (pointer) => this.#place(startOf(nearest(pointer))),
      locateKey: (pointer) => this.#place(keys.get(pointer) ?? startOf(nearest(pointer))),
      locateInText: (pointer, offset) => this.#place(textPlace(text, nearest(pointer), offset)),
    };
  }

  #convert(node: unknown, pointer: string, depth: number): JsonValue {
    if (isAlias(node)) {
      return this.#complain(startOf(node), pointer, 'aliases are not allowed', 'write the value out');
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
    if (node.tag !== undefined) this.#complain(startOf(node), pointer, `the tag ${node.tag} is not allowed`);
    if (depth > JSON_DEPTH_MAX) {
      return this.#complain(startOf(node), pointer, `nested deeper than ${JSON_DEPTH_MAX} levels`);
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
      return exact ? value : this.#complain(offset, pointer, 'a number that JSON cannot carry exactly');
    }
    return this.#complain(offset, pointer, 'a value that JSON cannot carry', 'put it in quotes');
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #complain(offset: number, path: string, message: string, hint?: string): null {
    this.#clean = false;
    const problem = { file: this.#file, ...this.#place(offset), path, message };
    this.#problems.push(hint === undefined ? problem : { ...problem, hint });
    return null;
  }
}

function startOf(node: unknown): number {
  if (!isScalar(node) && !isMap(node) && !isSeq(node) && !isAlias(node)) return 0;
  return node.range?.[0] ?? 0;
}
