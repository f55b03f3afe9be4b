import type { SourceDocument } from '../documents.ts';

/**
 * Names of documents that could not be read: a reference to one of them is no second mistake. A document whose kind is
 * not known may have been of any kind.
 */
export class LostNames {
  readonly #names = new Set<string>();
  readonly #anyKind = new Set<string>();
  #everything = false;

  /** A file that cannot be read at all may have held anything. */
  addEverything(): void {
    this.#everything = true;
  }

  add(kind: string | null, name: string): void {
    if (kind === null) this.#anyKind.add(name);
    else this.#names.add(`${kind}/${name}`);
  }

  /** Everything that stands behind `name:` in a text that does not parse. */
  addFromText(text: string): void {
    for (const [, name = ''] of text.matchAll(/\bname\s*["']?\s*:\s*["']?([A-Za-z0-9_-]{1,64})/g)) {
      this.add(null, name);
    }
  }

  /** What a document calls itself, whatever is wrong with it. `kind`: null when that is not known either. */
  addClaim(kind: string | null, { value }: SourceDocument): void {
    const claim = value as { readonly metadata?: { readonly name?: unknown } | null } | null;
    const name = claim?.metadata?.name;
    if (typeof name === 'string') this.add(kind, name);
  }

  has(kind: string, name: string): boolean {
    return this.#everything || this.#anyKind.has(name) || this.#names.has(`${kind}/${name}`);
  }

  /** Whether a lost document of a kind may be called one of the names that `isMeant` accepts. */
  mayHold(kind: string, isMeant: (name: string) => boolean): boolean {
    const prefix = `${kind}/`;
    if (this.#everything || [...this.#anyKind].some(isMeant)) return true;
    return [...this.#names].some((key) => key.startsWith(prefix) && isMeant(key.slice(prefix.length)));
  }
}
