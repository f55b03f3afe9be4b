/**
 * Canonical JSON, RFC 8785: the one text of a value, so that a hash of it means the value.
 *
 * Hostile here: strings and member names, which callers choose. They never make a value refused:
 * an unpaired surrogate, which UTF-8 cannot carry and RFC 8785 would reject, becomes U+FFFD first
 * (`String.prototype.toWellFormed`), and member names that become equal by it are told apart by `~2`, `~3`, ….
 * Trusted here: that values are data. What JSON has no word for (NaN, bigint, functions, class instances, cycles)
 * is a mistake of ours and throws `NotCanonical`; members that are `undefined` are left out, as in `JSON.stringify`.
 */

/** Deeper nesting is refused before it can exhaust the stack; the doors cap what comes from outside far below. */
export const canonicalDepthMax = 1_000;

/** The value has no canonical JSON. The message names the nearest member. */
export class NotCanonical extends Error {
  override readonly name = 'NotCanonical';
}

/** Canonical text of a value. Throws `NotCanonical`. */
export function canonicalJson(value: unknown): string {
  return write(value, '', 0);
}

function write(value: unknown, member: string, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      if (!Number.isFinite(value)) throw new NotCanonical(`${value} in "${member}" is not a JSON number`);
      return `${value}`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth >= canonicalDepthMax)
        throw new NotCanonical(`"${member}" is nested deeper than ${canonicalDepthMax} levels`);
      return Array.isArray(value)
        ? writeArray(value, member, depth + 1)
        : writeObject(plainObject(value, member), depth + 1);
    default:
      throw new NotCanonical(`a value of type ${typeof value} in "${member}" is not JSON`);
  }
}

function writeArray(items: readonly unknown[], member: string, depth: number): string {
  if (items.length === 0) return '[]';
  let text = `[${write(items[0], member, depth)}`;
  for (let index = 1; index < items.length; index += 1) text += `,${write(items[index], member, depth)}`;
  return `${text}]`;
}

function writeObject(object: Readonly<Record<string, unknown>>, depth: number): string {
  const names = Object.keys(object);
  // The default order of `sort` is by UTF-16 code units, which is what RFC 8785, section 3.2.3, asks for.
  if (!inOrder(names)) names.sort();
  let text = '';
  for (const name of names) {
    const value = object[name];
    if (value === undefined) continue;
    if (!name.isWellFormed()) return writeObject(renamed(object, names), depth);
    text += `${text === '' ? '{' : ','}${quote(name)}:${write(value, name, depth)}`;
  }
  return text === '' ? '{}' : `${text}}`;
}

function inOrder(names: readonly string[]): boolean {
  let previous = '';
  for (const name of names) {
    if (name < previous) return false;
    previous = name;
  }
  return true;
}

/** The same members under well-formed names; the order of `names` decides which one keeps the bare name. */
function renamed(
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null);
  for (const name of names) if (name.isWellFormed()) result[name] = object[name];
  const copies = new Map<string, number>();
  for (const name of names) {
    if (name.isWellFormed()) continue;
    const bare = name.toWellFormed();
    let copy = copies.get(bare) ?? 1;
    while (numbered(bare, copy) in result) copy += 1;
    copies.set(bare, copy);
    result[numbered(bare, copy)] = object[name];
  }
  return result;
}

function numbered(name: string, copy: number): string {
  return copy === 1 ? name : `${name}~${copy}`;
}

/** What stands for itself between quotation marks; most strings of a record are of this kind. */
const plain = /^[\u0020\u0021\u0023-\u005b\u005d-\u007e]*$/;

function quote(text: string): string {
  if (text.length < 200 && plain.test(text)) return `"${text}"`;
  return JSON.stringify(text.isWellFormed() ? text : text.toWellFormed());
}

/** Objects of any realm, or without a prototype; a Date or a Map would lose what it holds. */
function plainObject(value: object, member: string): Readonly<Record<string, unknown>> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype && Object.getPrototypeOf(prototype) !== null)
    throw new NotCanonical(`an instance of a class in "${member}" is not JSON`);
  return value as Readonly<Record<string, unknown>>;
}
