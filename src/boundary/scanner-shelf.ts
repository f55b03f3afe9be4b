/**
 * The scanner for each set of detectors that ops added. Building one takes some milliseconds, so that of this deployment
 * is made once; a call that is under way while policy changes has those of its own revision as well.
 */
import type { BoundaryProfile, CustomDetector } from '../model/finding.ts';
import { buildCustomDetector } from './custom-detectors.ts';
import type { LiteralDetector } from './detector.ts';
import { literalDetectors } from './detectors.ts';
import { buildLiteralScanner } from './scan/literal-scanner.ts';
import type { LiteralScanner } from './scan/literal-scanner.ts';

/** Kept beside the deployment's own. */
const scannersMax = 4;

export class ScannerShelf {
  readonly own: LiteralScanner;
  readonly #known: readonly LiteralDetector[];
  readonly #added: ReadonlyMap<string, CustomDetector>;
  readonly #contents = new WeakMap<readonly CustomDetector[], ReadonlyMap<string, CustomDetector>>();
  readonly #further = new Map<string, LiteralScanner>();

  /** Throws `TypeError` for a detector that cannot be looked for. */
  constructor(known: readonly LiteralDetector[], added: readonly CustomDetector[]) {
    this.#known = known;
    this.#added = byContent(added);
    this.own = this.#build([]);
  }

  for(profiles: readonly BoundaryProfile[]): LiteralScanner {
    const missing = this.#missing(profiles);
    if (missing.size === 0) return this.own;
    const key = [...missing.keys()].toSorted().join('\n');
    const kept = this.#further.get(key);
    if (kept !== undefined) return kept;
    const scanner = this.#build([...missing.values()]);
    const [oldest] = this.#further.keys();
    if (oldest !== undefined && this.#further.size >= scannersMax) this.#further.delete(oldest);
    this.#further.set(key, scanner);
    return scanner;
  }

  customIds(profiles: readonly BoundaryProfile[]): readonly string[] {
    return [...this.#added.values(), ...this.#missing(profiles).values()].map(({ id }) => id);
  }

  #missing(profiles: readonly BoundaryProfile[]): ReadonlyMap<string, CustomDetector> {
    if (profiles.every(({ detectors }) => detectors.length === 0)) return none;
    const brought = profiles.flatMap(({ detectors }) => [...this.#contentOf(detectors)]);
    return new Map(brought.filter(([content]) => !this.#added.has(content)));
  }

  #contentOf(detectors: readonly CustomDetector[]): ReadonlyMap<string, CustomDetector> {
    const known = this.#contents.get(detectors) ?? byContent(detectors);
    this.#contents.set(detectors, known);
    return known;
  }

  #build(further: readonly CustomDetector[]): LiteralScanner {
    const custom = [...this.#added.values(), ...further].map(buildCustomDetector);
    return buildLiteralScanner([...this.#known, ...custom, ...literalDetectors]);
  }
}

const none: ReadonlyMap<string, CustomDetector> = new Map();

function byContent(detectors: readonly CustomDetector[]): ReadonlyMap<string, CustomDetector> {
  return new Map(detectors.map((detector) => [JSON.stringify(detector), detector]));
}
