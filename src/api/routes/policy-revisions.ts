import type { RecordStore, StoredRevision } from '../../audit/record.ts';
import type { ActivePolicy } from '../../calls/policy/active-policy.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { Route } from '../route.ts';

type Revisions = Pick<RecordStore, 'listRevisions' | 'revisionContent'>;
type Active = Pick<ActivePolicy, 'state'>;

/** `GET /v1/policy/revisions`: every revision that ever decided here, latest first. */
export function listRevisionsRoute(record: Revisions, policy: Active): Route {
  return {
    method: 'get',
    path: '/v1/policy/revisions',
    scope: 'policy',
    operationId: 'listPolicyRevisions',
    summary: 'List the policy revisions that were active',
    success: {
      status: 200,
      schema: 'PolicyRevisionPage',
      description: '{items, nextCursor}: when, by what and by whom each was activated, the latest 1000.',
    },
    problems: ['malformed_request'],
    audits: [],
    async handler(request, response) {
      readQuery(request, []);
      const revisions = await record.listRevisions();
      const items = revisions.map((revision) => revisionView(revision, policy));
      response.json({ items, nextCursor: null });
    },
  };
}

/** `GET /v1/policy/revisions/{revision}`: one revision with its documents and code, constants put in. */
export function getRevisionRoute(record: Revisions, policy: Active): Route {
  return {
    method: 'get',
    path: '/v1/policy/revisions/:revision',
    scope: 'policy',
    operationId: 'getPolicyRevision',
    summary: 'Show a policy revision',
    success: {
      status: 200,
      schema: 'PolicyRevisionDetail',
      description: 'As in the list, with `documents` and `code` by tool.',
    },
    problems: ['malformed_request', 'not_found'],
    audits: [],
    async handler(request, response) {
      readQuery(request, []);
      const wanted = String(request.params['revision']);
      const revisions = await record.listRevisions();
      const stored = revisions.find(({ revision }) => revision === wanted);
      const content = await record.revisionContent(wanted);
      if (stored === undefined || content === null)
        throw new Problem(
          'not_found',
          'No such revision was active here. GET /v1/policy/revisions lists them.',
        );
      response.json({ ...revisionView(stored, policy), ...(JSON.parse(content) as object) });
    },
  };
}

function revisionView(stored: StoredRevision, { state }: Active): object {
  const { revision, contentBytes, firstActivatedAtMs, lastActivatedAtMs, facts } = stored;
  return {
    revision,
    isActive: revision === state.revision,
    isPinned: revision === state.pin?.revision,
    firstActivatedAt: new Date(firstActivatedAtMs).toISOString(),
    lastActivatedAt: new Date(lastActivatedAtMs).toISOString(),
    ...facts,
    contentBytes,
  };
}
