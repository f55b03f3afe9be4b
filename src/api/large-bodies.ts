/** Bodies that one tenant has in memory before its requests begin: so many at once, the next are not read before one of them is done with. */
import type { Request, RequestHandler, Response } from 'express';
import { callerOf } from './authenticate.ts';

/** Smaller ones are read as they come: a connection holds about as much without them. */
const smallBytesMax = 64 * 1024;

export class LargeBodies {
  readonly #atOnceMax: number;
  /** By tenant: those being read or held, and what begins the next, in order. */
  readonly #tenants = new Map<string, { count: number; readonly waiting: (() => void)[] }>();

  /** `atOnceMax`: of one tenant. */
  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /** Goes on when there is a place, which is given back by `done`, or when the answer has left or never will. */
  readonly admit: RequestHandler = (request, response, next) => {
    if (!mayBeLarge(request)) return next();
    const name = callerOf(response).principal.tenant;
    const tenant = this.#tenants.get(name) ?? { count: 0, waiting: [] };
    this.#tenants.set(name, tenant);
    let isHeld = false;
    const begin = (): void => {
      isHeld = true;
      tenant.count += 1;
      next();
    };
    const leave = (): void => {
      response.off('close', leave);
      const at = tenant.waiting.indexOf(begin);
      if (at !== -1) tenant.waiting.splice(at, 1);
      if (isHeld) tenant.count -= 1;
      isHeld = false;
      if (tenant.count < this.#atOnceMax) tenant.waiting.shift()?.();
      if (tenant.count === 0) this.#tenants.delete(name);
    };
    response.locals['bodyDone'] = leave;
    response.once('close', leave);
    if (tenant.count < this.#atOnceMax) begin();
    else tenant.waiting.push(begin);
  };

  /** The request has begun: what is left of its body is the business of what it does. */
  done(response: Response): void {
    const leave = response.locals['bodyDone'] as (() => void) | undefined;
    leave?.();
  }
}

function mayBeLarge(request: Request): boolean {
  const length = request.get('content-length');
  if (length === undefined) return request.get('transfer-encoding') !== undefined;
  return Number(length) > smallBytesMax;
}
