import type { Hold } from '../../audit/erasure.ts';
import type { HoldDesk, NewHold } from '../../calls/upkeep/hold-desk.ts';
import type { Caller } from '../../model/principal.ts';
import { callerOf, hasScope } from '../authenticate.ts';
import { Problem } from '../problem.ts';
import { invalidQuery, readQuery } from '../query.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

const reasonCharsMax = 500;

/** `GET /v1/audit/holds`: those that stand, oldest first. Of one's own tenant; all with `admin`. */
export function listHoldsRoute(
  desk: HoldDesk,
  onRead: (caller: Caller, what: string) => Promise<void>,
): Route {
  return {
    method: 'get',
    path: '/v1/audit/holds',
    scope: 'audit',
    operationId: 'listHolds',
    summary: 'List the holds',
    success: { status: 200, schema: 'HoldPage', description: '{items, nextCursor}' },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: ['audit_read'],
    async handler(request, response) {
      readQuery(request, []);
      const caller = callerOf(response);
      await onRead(caller, 'holds');
      const holds = (await desk.list()).filter(
        ({ selection }) => hasScope(caller, 'admin') || selection.tenant === caller.principal.tenant,
      );
      response.json({ items: holds.map(holdView), nextCursor: null });
    },
  };
}

/** `POST /v1/audit/holds`: from now on what it means is neither erased nor removed by age. */
export function setHoldRoute(desk: HoldDesk, bodies: BodyParser): Route {
  return {
    method: 'post',
    path: '/v1/audit/holds',
    scope: 'admin',
    operationId: 'setHold',
    summary: 'Hold content against erasure and age',
    body: 'HoldRequest',
    success: { status: 201, schema: 'Hold', description: 'The hold, standing.' },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'conflict',
      'audit_unavailable',
    ],
    audits: ['hold_set'],
    async handler(request, response) {
      const hold = await desk.set(callerOf(response), bodies.parse(request, 'HoldRequest') as NewHold);
      if (hold === null) throw new Problem('conflict', 'Too many holds stand: release some first.');
      response.status(201).json(holdView(hold));
    },
  };
}

/** `DELETE /v1/audit/holds/{id}?reason=`: it stands no longer. */
export function releaseHoldRoute(desk: HoldDesk): Route {
  return {
    method: 'delete',
    path: '/v1/audit/holds/:id',
    scope: 'admin',
    operationId: 'releaseHold',
    summary: 'Release a hold',
    query: { reason: { description: 'For auditors, kept for good: at most 500 characters. Required.' } },
    success: { status: 204, description: 'The hold stands no longer.' },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: ['hold_released'],
    async handler(request, response) {
      const { reason } = readQuery(request, ['reason']);
      if (reason === undefined || reason.length > reasonCharsMax)
        throw invalidQuery({ pointer: '?reason', message: `must have 1 to ${reasonCharsMax} characters` });
      if (!(await desk.release(callerOf(response), String(request.params['id']), reason)))
        throw new Problem('not_found', 'There is no such hold.');
      response.status(204).end();
    },
  };
}

function holdView({ setAtMs, ...hold }: Hold): object {
  return { ...hold, setAt: new Date(setAtMs).toISOString() };
}
