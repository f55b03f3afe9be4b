/** What is written otherwise in another revision: documents, and places in them, by kind and name. */
import { canonicalJson } from '../canonical-json.ts';
import type { JsonObject, JsonValue } from '../../model/json.ts';
import type { Revision } from '../revision.ts';

/** A value as JSON; null: there is none. */
export interface PlaceChange {
  /** Such as `spec.rules[small].when`; members of a list that have names are found by them. */
  readonly place: string;
  readonly before: string | null;
  readonly after: string | null;
}

export type DocumentChange =
  | { readonly kind: 'added' | 'removed'; readonly document: string }
  | { readonly kind: 'changed'; readonly document: string; readonly places: readonly PlaceChange[] };

type Content = Pick<Revision, 'content'>;

/** In order of kind and name; constants are put in already, so that what they change is named where it counts. */
export function diffDocuments(before: Content, after: Content): readonly DocumentChange[] {
  const [old, young] = [documentsOf(before), documentsOf(after)];
  const names = [...new Set([...old.keys(), ...young.keys()])].toSorted();
  return names.flatMap((document): DocumentChange[] => {
    const [was, is] = [old.get(document), young.get(document)];
    if (was === undefined) return [{ kind: 'added', document }];
    if (is === undefined) return [{ kind: 'removed', document }];
    const places = diffPlaces(placesOf(was), placesOf(is));
    return places.length === 0 ? [] : [{ kind: 'changed', document, places }];
  });
}

/** By `kind/name`, code by its tool. One without a name is told from others by what it says. */
function documentsOf({ content }: Content): ReadonlyMap<string, JsonValue> {
  const { code, documents } = JSON.parse(content) as {
    readonly code: JsonObject;
    readonly documents: readonly JsonObject[];
  };
  const named = new Map<string, JsonValue>();
  for (const document of documents) {
    const { kind, metadata } = document as { kind?: string; metadata?: { name?: string } };
    named.set(`${kind ?? ''}/${metadata?.name ?? canonicalJson(document)}`, document);
  }
  for (const [tool, source] of Object.entries(code)) named.set(`code of Tool/${tool}`, { source });
  return named;
}

function diffPlaces(
  old: ReadonlyMap<string, string>,
  young: ReadonlyMap<string, string>,
): readonly PlaceChange[] {
  return [...new Set([...old.keys(), ...young.keys()])].flatMap((place) => {
    const [before, after] = [old.get(place) ?? null, young.get(place) ?? null];
    return before === after ? [] : [{ place, before, after }];
  });
}

/** Every value at its place. Of a list with names its order is a value, too: of rules the first that matches decides. */
function placesOf(document: JsonValue): ReadonlyMap<string, string> {
  const places = new Map<string, string>();
  const walk = (value: JsonValue, place: string): void => {
    const names = Array.isArray(value) ? namesOf(value) : null;
    if (names !== null && Array.isArray(value)) {
      places.set(`${place} (order)`, JSON.stringify(names));
      for (const [index, item] of value.entries()) walk(item, `${place}[${names[index]}]`);
    } else if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [name, member] of Object.entries(value))
        walk(member, place === '' ? name : `${place}.${name}`);
    else places.set(place, canonicalJson(value));
  };
  walk(document, '');
  return places;
}

/** Null where an item has none, or two have the same. */
function namesOf(items: readonly JsonValue[]): readonly string[] | null {
  const names = items.flatMap((item) => {
    const name = typeof item === 'object' && item !== null && !Array.isArray(item) ? item['name'] : null;
    return typeof name === 'string' ? [name] : [];
  });
  return names.length === items.length && names.length > 0 && new Set(names).size === names.length
    ? names
    : null;
}
