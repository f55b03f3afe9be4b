/**
 * Files on their way to clients, which wait in memory until the slowest reader has taken them: so many at once for one
 * principal and for all, so many bytes, and none longer than a slow line needs.
 */
import type { Response } from 'express';
import type { Metrics } from '../telemetry/metrics.ts';
import { callerOf } from './authenticate.ts';
import { Problem } from './problem.ts';

export interface TransferLimits {
  readonly byPrincipalMax: number;
  readonly transfersMax: number;
  readonly bytesMax: number;
  /** How long a client may take nothing, milliseconds. */
  readonly stalledMsMax: number;
  /** What a line has to carry in the long run, or it is cut: a trickle of bytes keeps no file in memory. */
  readonly bytesPerSecondMin: number;
}

export const transferLimits: TransferLimits = {
  byPrincipalMax: 8,
  transfersMax: 64,
  bytesMax: 512 * 1024 * 1024,
  stalledMsMax: 30_000,
  bytesPerSecondMin: 64 * 1024,
};

const retryAfterMs = 1000;

export class Transfers {
  readonly #limits: TransferLimits;
  readonly #metrics: Pick<Metrics, 'doorShed'>;
  readonly #byPrincipal = new Map<string, number>();
  #count = 0;
  #bytes = 0;

  constructor(metrics: Pick<Metrics, 'doorShed'>, limits: TransferLimits = transferLimits) {
    this.#metrics = metrics;
    this.#limits = limits;
  }

  /** Before the file is read: takes a place that is given back when the answer has left. Throws the `Problem` to answer with. */
  admit(response: Response): void {
    // Who has left already says so no second time; what is sent to them finds the same.
    if (isGone(response)) return;
    const { tenant, id } = callerOf(response).principal;
    const principal = JSON.stringify([tenant, id]);
    const own = this.#byPrincipal.get(principal) ?? 0;
    const { byPrincipalMax, transfersMax } = this.#limits;
    if (own >= byPrincipalMax) {
      this.#metrics.doorShed('downloads');
      throw new Problem(
        'rate_limited',
        `You may take ${byPrincipalMax} files at once; finish one of those that are under way.`,
        { quota: 'downloads', limit: byPrincipalMax, retryAfterMs },
      );
    }
    if (this.#count >= transfersMax) throw this.#overloaded();
    this.#count += 1;
    this.#byPrincipal.set(principal, own + 1);
    onGone(response, () => {
      this.#count -= 1;
      const left = (this.#byPrincipal.get(principal) ?? 1) - 1;
      if (left === 0) this.#byPrincipal.delete(principal);
      else this.#byPrincipal.set(principal, left);
    });
  }

  /** Sends what was read. Throws the `Problem` to answer with when there is no room for it in memory. */
  send(response: Response, data: Buffer): void {
    if (isGone(response)) return;
    const { bytesMax, bytesPerSecondMin, stalledMsMax } = this.#limits;
    if (this.#bytes > 0 && this.#bytes + data.length > bytesMax) throw this.#overloaded();
    this.#bytes += data.length;
    response.setTimeout(stalledMsMax, () => response.destroy());
    const withinMs = stalledMsMax + (data.length / bytesPerSecondMin) * 1000;
    const end = setTimeout(() => response.destroy(), withinMs);
    onGone(response, () => {
      clearTimeout(end);
      this.#bytes -= data.length;
    });
    response.send(data);
  }

  #overloaded(): Problem {
    this.#metrics.doorShed('downloads');
    return new Problem('overloaded', 'Too many files are on their way to clients; try again shortly.', {
      retryAfterMs,
    });
  }
}

function isGone({ destroyed, req: { socket } }: Response): boolean {
  return destroyed || socket.destroyed;
}

/** Once, when the answer has left or never will. One that waits behind another on its connection closes with that. */
function onGone(response: Response, tell: () => void): void {
  const { socket } = response.req;
  const gone = (): void => {
    response.off('close', gone);
    socket.off('close', gone);
    tell();
  };
  response.once('close', gone);
  socket.once('close', gone);
}
