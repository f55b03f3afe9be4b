/** `Constants` documents as one tree, and `{$const: name.key}` in the fields of other documents. */
import type { JsonObject, JsonValue } from '../../model/json.ts';
import { copyJson } from '../copy-json.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import type { ConstantsResource, SourceDocument } from '../documents.ts';
import { escapePointer } from '../json-pointer.ts';
import type { PolicyProblem } from '../problem.ts';
import type { LostNames } from './lost-names.ts';

/** Nodes of one document once its constants are put in. */
const NODES_MAX = 200_000;

/** A name under `const`: where it was set, for conflicts and for constants that nothing uses. */
interface Setting {
  readonly source: SourceDocument;
  readonly pointer: string;
}

/** What a dotted path leads to. */
export type ConstantLookup =
  | { readonly found: true; readonly value: JsonValue; readonly steps: number }
  | {
      readonly found: false;
      readonly message: string;
      readonly hint: string | undefined;
      readonly step: number;
    };

export class Constants {
  readonly #root: JsonObject = {};
  readonly #settings = new Map<string, Setting>();
  readonly #used = new Set<string>();
  readonly #lost: LostNames;

  constructor(lost: LostNames) {
    this.#lost = lost;
  }

  /** Adds one document. Documents of one name add to each other; a key that is set already is a problem. */
  add({ metadata, spec, source }: ConstantsResource, problems: PolicyProblem[]): void {
    this.#merge(this.#root, metadata.name, spec, [metadata.name], { source, pointer: '/spec' }, problems);
  }

  /**
   * Follows `path` as far as it leads through objects. `steps` says how many names were used; what follows them is a
   * member of a value. Null where the constant may have been in a document that cannot be read.
   */
  find(path: readonly string[]): ConstantLookup | null {
    let value: JsonValue = this.#root;
    let step = 0;
    for (const name of path) {
      if (value === null || typeof value !== 'object' || Array.isArray(value)) break;
      const next: JsonValue | undefined = Object.hasOwn(value, name) ? value[name] : undefined;
      if (next === undefined) {
        if (this.#lost.has('Constants', path[0] ?? '')) return null;
        const where =
          step === 0 ? 'no Constants document is named' : `${path.slice(0, step).join('.')} has no`;
        const hint = didYouMeanHint(name, Object.keys(value));
        return { found: false, message: `${where} "${name}"`, hint, step };
      }
      value = next;
      step++;
    }
    for (let at = 1; at <= step; at++) this.#used.add(path.slice(0, at).join('.'));
    this.#usedBelow(path.slice(0, step).join('.'), value);
    return { found: true, value, steps: step };
  }

  /** What nothing asked for: the outermost names only. */
  unused(): readonly { readonly name: string; readonly source: SourceDocument; readonly pointer: string }[] {
    return [...this.#settings]
      .filter(
        ([name]) =>
          !this.#used.has(name) &&
          (!name.includes('.') || this.#used.has(name.slice(0, name.lastIndexOf('.')))),
      )
      .map(([name, setting]) => ({ name, ...setting }));
  }

  #usedBelow(name: string, value: JsonValue): void {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return;
    for (const [key, item] of Object.entries(value)) {
      this.#used.add(`${name}.${key}`);
      this.#usedBelow(`${name}.${key}`, item);
    }
  }

  #merge(
    owner: JsonObject,
    key: string,
    value: JsonValue,
    path: readonly string[],
    setting: Setting,
    problems: PolicyProblem[],
  ): void {
    const name = path.join('.');
    const earlier = Object.hasOwn(owner, key) ? owner[key] : undefined;
    const first = this.#settings.get(name);
    if (earlier !== undefined && first !== undefined && !(isObject(earlier) && isObject(value))) {
      problems.push(redefinition(name, first, setting));
      return;
    }
    if (first === undefined) this.#settings.set(name, setting);
    if (!isObject(value)) {
      owner[key] = value;
      return;
    }
    const members = isObject(earlier) ? earlier : {};
    owner[key] = members;
    for (const [member, item] of Object.entries(value)) {
      const pointer = `${setting.pointer}/${escapePointer(member)}`;
      this.#merge(members, member, item, [...path, member], { source: setting.source, pointer }, problems);
    }
  }
}

function redefinition(name: string, earlier: Setting, { source, pointer }: Setting): PolicyProblem {
  const { line, column } = earlier.source.locateKey(earlier.pointer);
  return {
    file: source.file,
    ...source.locateKey(pointer),
    path: source.pointerInFile(pointer),
    message: `the constant ${name} is already set at ${earlier.source.file}:${line}:${column}`,
    hint: 'later documents add and never redefine: set it in one place only',
  };
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

export interface Resolved {
  readonly document: SourceDocument;
  /** By pointer of the value put in: the constant's name. */
  readonly names: ReadonlyMap<string, string>;
  /** Pointers of references that lead to nothing, reported already. */
  readonly holes: ReadonlySet<string>;
}

/** Puts the constants in the place of their references, everywhere below `spec`. */
export function resolveConstants(
  document: SourceDocument,
  constants: Constants,
  problems: PolicyProblem[],
): Resolved {
  const resolver = new Resolver(document, constants, problems);
  if (!isObject(document.value) || document.value['spec'] === undefined)
    return resolver.resolved(document.value);
  const spec = resolver.visit(document.value['spec'], '/spec');
  return resolver.resolved({ ...document.value, spec });
}

class Resolver {
  readonly #document: SourceDocument;
  readonly #constants: Constants;
  readonly #problems: PolicyProblem[];
  readonly #names = new Map<string, string>();
  readonly #holes = new Set<string>();
  #nodes = 0;

  constructor(document: SourceDocument, constants: Constants, problems: PolicyProblem[]) {
    this.#document = document;
    this.#constants = constants;
    this.#problems = problems;
  }

  resolved(value: JsonValue): Resolved {
    const document = this.#names.size === 0 ? this.#document : { ...this.#document, value };
    return { document, names: this.#names, holes: this.#holes };
  }

  visit(value: JsonValue, pointer: string): JsonValue {
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map((item, at) => this.visit(item, `${pointer}/${at}`));
    if (Object.hasOwn(value, '$const')) return this.#resolve(value, pointer);
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        name,
        this.visit(item, `${pointer}/${escapePointer(name)}`),
      ]),
    );
  }

  #resolve(value: JsonObject, pointer: string): JsonValue {
    const name = value['$const'];
    this.#names.set(pointer, typeof name === 'string' ? name : '?');
    if (typeof name !== 'string' || Object.keys(value).length !== 1) {
      return this.#hole(
        pointer,
        '$const needs a dotted name and nothing beside it',
        'write {$const: env.key}',
      );
    }
    const path = name.split('.');
    const found = this.#constants.find(path);
    if (found === null) return this.#hole(pointer, null);
    if (!found.found) return this.#hole(pointer, `unknown constant ${name}: ${found.message}`, found.hint);
    if (found.steps < path.length) {
      return this.#hole(
        pointer,
        `unknown constant ${name}: ${path.slice(0, found.steps).join('.')} has no members`,
      );
    }
    this.#nodes += countNodes(found.value);
    if (this.#nodes <= NODES_MAX) return copyJson(found.value);
    return this.#hole(pointer, `more than ${NODES_MAX} values once constants are put in`);
  }

  #hole(pointer: string, message: string | null, hint?: string): null {
    this.#holes.add(pointer);
    if (message === null) return null;
    const document = this.#document;
    const problem = { file: document.file, ...document.locate(pointer), path: pointer, message };
    this.#problems.push(hint === undefined ? problem : { ...problem, hint });
    return null;
  }
}

function countNodes(value: JsonValue): number {
  if (value === null || typeof value !== 'object') return 1;
  return Object.values(value).reduce<number>((sum, item) => sum + countNodes(item), 1);
}
