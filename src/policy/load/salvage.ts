/**
 * Goes on with a document that does not fit its schema: the parts with a mistake are left out or filled in, so that
 * names and expressions in the rest are checked in the same run. Such a document never becomes part of a revision.
 */
import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { Kind, SourceDocument } from '../documents.ts';
import { escapePointer } from '../json-pointer.ts';

/** Leaving one part out can make the part around it unfit: this many levels of it. */
const ROUNDS_MAX = 8;

/** One mistake as a JSON pointer to the value with it, or to a member that is missing. */
export interface Misfit {
  readonly pointer: string;
  readonly isMissing: boolean;
}

/** Where the document is checked again. Empty: it fits. */
export type FindMisfits = (value: JsonValue) => readonly Misfit[];

interface Filler {
  readonly kind: Kind | null;
  readonly pointer: RegExp;
  readonly value: (pointer: string) => JsonValue;
  /** Stands in for what is not there, never for what is wrong. */
  readonly ifMissing?: true;
}

/** What stands in for a part that the rest cannot do without; chosen so that it causes no mistake of its own. */
const fillers: readonly Filler[] = [
  { kind: null, pointer: /^\/apiVersion$/, value: () => 'sallyport/v1' },
  { kind: null, pointer: /^\/metadata$/, value: () => ({ name: 'unnamed' }) },
  { kind: null, pointer: /^\/metadata\/name$/, value: () => 'unnamed' },
  { kind: 'Tool', pointer: /^\/spec\/input$/, value: openInput },
  { kind: 'Tool', pointer: /^\/spec\/runtime$/, value: () => ({ kind: 'isolate' }) },
  { kind: 'Policy', pointer: /^\/spec\/subjects$/, value: () => [{}] },
  {
    kind: 'Policy',
    pointer: /^\/spec\/(rules|quotas)\/\d+\/name$/,
    value: (pointer) => `unnamed-${pointer.split('/')[3]}`,
  },
  { kind: 'Policy', pointer: /^\/spec\/rules\/\d+\/effect$/, value: () => 'allow' },
  {
    kind: 'Policy',
    pointer: /^\/spec\/rules\/\d+\/approval$/,
    value: () => ({ approvers: [{}] }),
    ifMissing: true,
  },
  { kind: 'Policy', pointer: /^\/spec\/rules\/\d+\/approval\/approvers$/, value: () => [{}] },
  { kind: 'Policy', pointer: /^\/spec\/quotas\/\d+\/limit$/, value: () => 1 },
  { kind: 'Policy', pointer: /^\/spec\/quotas\/\d+\/unit$/, value: () => 'calls' },
  { kind: 'Policy', pointer: /^\/spec\/quotas\/\d+\/window$/, value: () => '1m', ifMissing: true },
  { kind: 'Policy', pointer: /^\/spec\/rules\/\d+\/limits$/, value: () => ({ pids: 1 }), ifMissing: true },
  { kind: 'Credential', pointer: /^\/spec\/from$/, value: () => ({ env: 'UNKNOWN' }) },
  { kind: 'Credential', pointer: /^\/spec\/inject$/, value: () => ({ header: 'unknown' }), ifMissing: true },
  { kind: 'Credential', pointer: /^\/spec\/inject\/header$/, value: () => 'unknown' },
  {
    kind: 'Credential',
    pointer: /^\/spec\/allow\/hosts$/,
    value: () => ['unknown.invalid'],
    ifMissing: true,
  },
  {
    kind: 'PolicyTest',
    pointer: /^\/spec\/cases\/\d+(\/each\/\d+)?\/expect$/,
    value: () => ({ effect: 'deny' }),
    ifMissing: true,
  },
];

function openInput(): JsonObject {
  const properties = { code: { type: 'string' }, script: { type: 'string' } };
  return { type: 'object', required: ['code', 'script'], properties };
}

/** The document without its misfits, with the way back to the places in the file; null when nothing can be kept. */
export function salvage(
  document: SourceDocument,
  kind: Kind,
  misfits: readonly Misfit[],
  findMisfits: FindMisfits,
): SourceDocument | null {
  const positions: Positions = new WeakMap();
  let value = document.value;
  let found = misfits;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (found.length === 0) return derive(document, value, positions);
    const repairs = repairsOf(kind, found);
    if (repairs.has('')) return null;
    value = repaired(value, '', repairs, positions);
    found = findMisfits(value);
  }
  return null;
}

/** By pointer: what to put there, or undefined to leave the value out. */
type Repairs = ReadonlyMap<string, JsonValue | undefined>;
/** For each list that lost elements: which index of the file each remaining one had. */
type Positions = WeakMap<readonly JsonValue[], readonly number[]>;

function repairsOf(kind: Kind, misfits: readonly Misfit[]): Repairs {
  const repairs = new Map<string, JsonValue | undefined>();
  for (const { pointer, isMissing } of misfits) {
    const filler = fillers.find(
      (one) =>
        (one.kind ?? kind) === kind && one.pointer.test(pointer) && (isMissing || one.ifMissing !== true),
    );
    if (filler !== undefined) {
      repairs.set(pointer, filler.value(pointer));
    } else {
      const target = isMissing ? parentOf(pointer) : pointer;
      if (!repairs.has(target)) repairs.set(target, undefined);
    }
  }
  return repairs;
}

function repaired(value: JsonValue, pointer: string, repairs: Repairs, positions: Positions): JsonValue {
  if (repairs.has(pointer)) return repairs.get(pointer) ?? null;
  if (value === null || typeof value !== 'object') return value;
  const isKept = (at: string): boolean => !repairs.has(at) || repairs.get(at) !== undefined;
  if (Array.isArray(value)) {
    const kept = [...value.keys()].filter((at) => isKept(`${pointer}/${at}`));
    const list = kept.map((at) => repaired(value[at] ?? null, `${pointer}/${at}`, repairs, positions));
    const before = positions.get(value);
    positions.set(
      list,
      kept.map((at) => before?.[at] ?? at),
    );
    return list;
  }
  const entries = Object.entries(value)
    .map(([name, item]) => [name, item, `${pointer}/${escapePointer(name)}`] as const)
    .filter(([, , at]) => isKept(at))
    .map(([name, item, at]) => [name, repaired(item, at, repairs, positions)] as const);
  const missing = [...repairs].filter(([at, filler]) => filler !== undefined && parentOf(at) === pointer);
  return Object.fromEntries([
    ...entries,
    ...missing.map(([at, filler]) => [at.slice(pointer.length + 1), filler ?? null] as const),
  ]);
}

function parentOf(pointer: string): string {
  return pointer.slice(0, pointer.lastIndexOf('/'));
}

function derive(document: SourceDocument, value: JsonValue, positions: Positions): SourceDocument {
  const inFile = (pointer: string): string => {
    let at: JsonValue | undefined = value;
    const tokens = pointer.split('/').slice(1);
    const moved = tokens.map((token) => {
      const owner: JsonValue | undefined = at;
      if (owner === null || typeof owner !== 'object') return token;
      const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
      at = (owner as JsonObject)[key];
      return Array.isArray(owner) ? String(positions.get(owner)?.[Number(token)] ?? token) : token;
    });
    return moved.map((token) => `/${token}`).join('');
  };
  return {
    ...document,
    value,
    isPartial: true,
    pointerInFile: (pointer) => document.pointerInFile(inFile(pointer)),
    locate: (pointer) => document.locate(inFile(pointer)),
    locateKey: (pointer) => document.locateKey(inFile(pointer)),
    locateInText: (pointer, offset) => document.locateInText(inFile(pointer), offset),
  };
}
