/** A way to reach a runner. The connection knows this interface alone. */
import type { Duplex } from 'node:stream';

export interface OpenedRunner {
  readonly stream: Duplex;
  /** What names it in the log. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Settles with the reason once it is gone: the process ended, or the connection did. */
  readonly gone: Promise<string>;
  /** It is silent, or breaks its protocol. Where other processes have it too, whoever started it is told to end it. */
  readonly onGivenUp?: () => void;
  /** Ends it at once, whatever it does; one that other processes have too, the connection alone. */
  kill(): void;
}

export interface RunnerOpener {
  /** `same-user`: process isolation alone keeps api and runner apart. `service`: it has a user or a host of its own. */
  readonly identity: 'same-user' | 'service';
  /** What operators call it: `child process`, or its address. */
  readonly name: string;
  /** Whether it, and with it its sessions, goes on when this process stops now. */
  outlivesApi(): boolean;
  /** Starts to open. What fails later settles `gone`; what fails at once (no descriptor left, no such program) throws. */
  open(): OpenedRunner;
}
