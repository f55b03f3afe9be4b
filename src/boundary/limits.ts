/** Everything that bounds the filter's work on one call and direction. What goes beyond is withheld, never passed on. */
export const boundaryLimits = {
  /** Text of strings, keys, streams and artifacts together, UTF-16 units (a byte of a binary artifact is one). */
  textUnitsMax: 128 * 1024 * 1024,
  /** Nesting of JSON. The HTTP door accepts 64. */
  depthMax: 128,
  /** Different findings in a report. Further ones are merged by detector, with their counts, at the empty pointer. */
  findingsMax: 200,
  /** A JSON pointer in a finding; one part of it. */
  pointerUnitsMax: 256,
  pointerPartUnitsMax: 64,
  /** Passes until a filtered text stays as it is. Taking something out can bring something else together. */
  roundsMax: 4,
  /** The two ends of a long string that are searched for secrets split over neighbouring strings. */
  splitUnitsMax: 16_384,
  /** Strings of a JSON value that are scanned together first; a larger value is scanned string by string at once. */
  cleanUnitsMax: 4 * 1024 * 1024,
  /** A key or neighbouring string that can be the context of a secret, and how long the value is, and how far into it that reaches. */
  contextUnitsMax: 256,
  contextValueUnitsMin: 16,
  contextValueUnitsMax: 8192,
  /** Text of a live stream that is held back until what it may belong to is decided; beyond it is withheld. */
  candidateUnitsMax: 65_536,
  /** After something that may begin a hit in an encoding, or that is half an order to a model, so much is read with it. */
  heldAfterUnits: 640,
  /** Encodings inside each other that are undone; what is wrapped more often is reported as `undecoded`. */
  decodingDepthMax: 3,
  /** Decoded text of all depths together, for each unit that is scanned, and once for each direction of a call. */
  decodedUnitsPerUnit: 8,
  decodedUnitsFloor: 16 * 1024 * 1024,
  /** What the pattern of a detector of ops may read of one text, for each unit of it, and once: a match may be found late. */
  searchedUnitsPerUnit: 512,
  searchedUnitsFloor: 256 * 1024,
} as const;

/** Input that is not filtered to its end. The direction is then blocked; `detector` names the limit in the finding. */
export class LimitExceeded extends Error {
  override readonly name = 'LimitExceeded';
  readonly detector: 'input-too-large' | 'input-too-deep' | 'input-too-costly' | 'input-unsettled';
  constructor(detector: LimitExceeded['detector']) {
    super(detector);
    this.detector = detector;
  }
}
