/**
 * What crosses between the guest's isolate and the worker: strings and numbers through one callback, nothing else.
 * The functions of this folder run **inside the isolate**. The worker ships them as source text
 * (`Function.prototype.toString`), so each uses its parameters and the language's own globals alone: no imports,
 * no module scope. None of them guards the host; the worker checks every argument of every call by itself.
 */

/** `undefined` as an answer means: refused, a cap is reached or the arguments are not acceptable. */
export type HostCall = (
  operation: HostOperation,
  ...values: (string | number)[]
) => string | number | undefined;

export type HostOperation =
  /** → the input as JSON. */
  | 'input'
  /** json: the call's result. First outcome wins. */
  | 'returned'
  /** name, message, stack: the guest threw. */
  | 'threw'
  /** length: the result has so many characters, more than may leave. */
  | 'oversized'
  /** → the most characters that a result may have. */
  | 'resultLengthMax'
  /** name → source text of a lazily defined part of the guest's globals. */
  | 'source'
  /** text → 0. */
  | 'stdout'
  | 'stderr'
  /** delay in ms, 1 to repeat → id. */
  | 'timer'
  /** id → 0. */
  | 'clearTimer'
  /** → id of the timer that fires now. */
  | 'dueTimer'
  /** → milliseconds since the call began, whole microseconds. */
  | 'now'
  /** byte count → as many characters of codes 0–255. */
  | 'random'
  /** href, base, component, value → the URL's parts as JSON. */
  | 'url';

/** The parts of the guest's globals, each defined when it is first used. */
export type GuestPart =
  | 'abort'
  | 'base64'
  | 'clone'
  | 'console'
  | 'crypto'
  | 'inspect'
  | 'performance'
  | 'table'
  | 'text'
  | 'timers'
  | 'url'
  | 'webAssembly';

/** What the worker's entry modules may call. */
export interface GuestEntry {
  /** Runs the tool with the call's input and reports one outcome. Never throws. */
  readonly start: (tool: unknown) => Promise<void>;
  /** Runs the timer that is due. Never throws. */
  readonly fire: () => void;
  /** Before the tool is there, for a tool that may have `WebAssembly`. */
  readonly grantWebAssembly: () => void;
}
