import type { JsonValue } from './json.ts';

/** How one of several processes is, as it said last. */
export interface WorkerState {
  readonly index: number;
  readonly status: 'ok' | 'degraded' | 'down' | 'starting';
}

/** The other processes that serve together with this one, and the supervisor that holds what they share. */
export interface Fellows {
  /** The answers of those that gave one in time; null of one that has none. */
  askOthers(topic: string, data: JsonValue): Promise<readonly JsonValue[]>;
  /** Undefined when it is gone: this process then ends as well. */
  askSupervisor(topic: string, data: JsonValue): Promise<JsonValue | undefined>;
  /** Heard before anything that is asked later. */
  tellSupervisor(topic: string, data: JsonValue): void;
  /** How questions of the others are answered here. Must not reject. */
  onAsked(topic: string, answer: (data: JsonValue) => JsonValue | Promise<JsonValue>): void;
  /** Whether the whole server ends, and not this process alone. */
  readonly isWholeStopping: boolean;
}
