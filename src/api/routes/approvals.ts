/** Human approval: what waits, what exactly it is, and the decision. All of it needs the scope `approve`. */
import { InvalidCursor } from '../../audit/record.ts';
import type { ApprovalDesk, WantedDecision } from '../../calls/approvals/approval-desk.ts';
import { approvalStatuses } from '../../model/approval.ts';
import { callerOf } from '../authenticate.ts';
import { Problem, problemOf } from '../problem.ts';
import { invalidQuery, readQuery } from '../query.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

const limitDefault = 50;
const limitMax = 100;

const parameters = {
  status: { description: 'Only those of this status', enum: approvalStatuses },
  limit: { description: `1 to ${limitMax}, default ${limitDefault}: the most items of a page` },
  cursor: { description: 'nextCursor of the page before' },
} as const;

/** `GET /v1/approvals`: those that this key may decide or see, newest first. */
export function listApprovalsRoute(desk: Pick<ApprovalDesk, 'list'>): Route {
  return {
    method: 'get',
    path: '/v1/approvals',
    scope: 'approve',
    operationId: 'listApprovals',
    summary: 'List calls that wait, or waited, for approval',
    query: parameters,
    success: {
      status: 200,
      schema: 'ApprovalPage',
      description: '{items, nextCursor}. A page may hold fewer items than asked for, and more follow.',
    },
    problems: ['malformed_request', 'audit_unavailable'],
    audits: [],
    async handler(request, response) {
      const { status, limit, cursor } = readQuery(request, ['status', 'limit', 'cursor']);
      const wanted = approvalStatuses.find((candidate) => candidate === status);
      if (status !== undefined && wanted === undefined)
        throw invalidQuery({ pointer: '?status', message: `must be one of ${approvalStatuses.join(', ')}` });
      const query = {
        ...(wanted === undefined ? {} : { status: wanted }),
        ...(cursor === undefined ? {} : { cursor }),
        limit: limit === undefined ? limitDefault : readLimit(limit),
      };
      const { items, next } = await desk.list(callerOf(response), query).catch((error: unknown) => {
        if (error instanceof InvalidCursor)
          throw invalidQuery({ pointer: '?cursor', message: 'is not a cursor of this list' });
        throw error;
      });
      response.set('Cache-Control', 'no-store').json({ items, nextCursor: next });
    },
  };
}

/** `GET /v1/approvals/{id}`: with the filtered arguments, while it waits. */
export function getApprovalRoute(desk: Pick<ApprovalDesk, 'show'>): Route {
  return {
    method: 'get',
    path: '/v1/approvals/:id',
    scope: 'approve',
    operationId: 'getApproval',
    summary: 'Show what is to be approved',
    success: {
      status: 200,
      schema: 'ApprovalDetail',
      description:
        'Who wants to run what, why somebody is asked, the arguments as filtered while it waits, and the digest that the decision is bound to.',
    },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: [],
    async handler(request, response) {
      readQuery(request, []);
      const shown = await desk.show(callerOf(response), String(request.params['id']));
      if (shown === null) throw unknownApproval();
      response.set('Cache-Control', 'no-store').json(shown);
    },
  };
}

export interface DecideApprovalOptions {
  readonly desk: Pick<ApprovalDesk, 'decide'>;
  readonly bodies: BodyParser;
  readonly isDraining: () => boolean;
}

/** `POST /v1/approvals/{id}`: the decision, once. An approved call is dispatched by the server, not by its caller. */
export function decideApprovalRoute({ desk, bodies, isDraining }: DecideApprovalOptions): Route {
  return {
    method: 'post',
    path: '/v1/approvals/:id',
    scope: 'approve',
    operationId: 'decideApproval',
    summary: 'Approve or reject a call that waits',
    body: 'ApprovalDecision',
    success: {
      status: 200,
      schema: 'DecidedApproval',
      description:
        '{approval, call}: decided; an approved call runs now, and GET /v1/calls/{id} says how it ends.',
    },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'policy_denied',
      'approval_forbidden',
      'not_found',
      'approval_settled',
      'payload_too_large',
      'quota_exceeded',
      'quota_unavailable',
      'audit_unavailable',
      'overloaded',
      'runtime_unavailable',
      'draining',
    ],
    audits: [
      'approval_decided',
      'approval_expired',
      'approval_voided',
      'intent',
      'outcome',
      'not_started',
      'denied',
      'quota_exceeded',
    ],
    async handler(request, response) {
      const wanted = bodies.parse(request, 'ApprovalDecision') as WantedDecision;
      if (isDraining()) throw new Problem('draining', 'The server is shutting down. Nothing was decided.');
      const answer = await desk.decide(callerOf(response), String(request.params['id']), wanted);
      if (answer.kind === 'unknown') throw unknownApproval();
      if (answer.kind === 'refused') throw problemOf(answer.refusal, answer.callId);
      response.json({ approval: answer.approval, call: answer.call });
    },
  };
}

function unknownApproval(): Problem {
  return new Problem('not_found', 'There is no such approval, or it is not yours to see.');
}

function readLimit(value: string): number {
  const limit = Number(value);
  if (!/^\d{1,3}$/.test(value) || limit < 1 || limit > limitMax)
    throw invalidQuery({ pointer: '?limit', message: `must be a whole number from 1 to ${limitMax}` });
  return limit;
}
