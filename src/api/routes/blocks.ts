import type { BlockList, NewBlock } from '../../calls/block-list.ts';
import type { Block } from '../../model/block.ts';
import { callerOf } from '../authenticate.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query.ts';
import type { BodyParser } from '../read-body.ts';
import type { Route } from '../route.ts';

/** `GET /v1/blocks`: the blocks in force, oldest first. */
export function listBlocksRoute(blocks: BlockList): Route {
  return {
    method: 'get',
    path: '/v1/blocks',
    scope: 'policy',
    operationId: 'listBlocks',
    summary: 'List the blocks in force',
    success: { status: 200, schema: 'BlockPage', description: '{items, nextCursor}' },
    problems: ['malformed_request'],
    audits: [],
    handler(request, response) {
      readQuery(request, []);
      response.json({ items: blocks.list().map(blockView), nextCursor: null });
    },
  };
}

/** `POST /v1/blocks`: denies calls from now on, also those that wait; calls that run go on. */
export function addBlockRoute(blocks: BlockList, bodies: BodyParser): Route {
  return {
    method: 'post',
    path: '/v1/blocks',
    scope: 'policy',
    operationId: 'addBlock',
    summary: 'Block calls at once, whatever policy says',
    body: 'BlockRequest',
    success: { status: 201, schema: 'Block', description: 'The block, in force.' },
    problems: [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'conflict',
      'audit_unavailable',
    ],
    audits: ['block_added'],
    async handler(request, response) {
      const wanted = bodies.parse(request, 'BlockRequest') as NewBlock;
      const block = await blocks.add(callerOf(response), wanted);
      if (block === null) throw new Problem('conflict', 'Too many blocks are in force: remove some first.');
      response.status(201).json(blockView(block));
    },
  };
}

/** `DELETE /v1/blocks/{id}`: ends a block before its time. */
export function removeBlockRoute(blocks: BlockList): Route {
  return {
    method: 'delete',
    path: '/v1/blocks/:id',
    scope: 'policy',
    operationId: 'removeBlock',
    summary: 'End a block',
    success: { status: 204, description: 'The block is no longer in force.' },
    problems: ['malformed_request', 'not_found', 'audit_unavailable'],
    audits: ['block_removed'],
    async handler(request, response) {
      readQuery(request, []);
      const isRemoved = await blocks.remove(callerOf(response), String(request.params['id']));
      if (!isRemoved) throw new Problem('not_found', 'There is no such block in force.');
      response.status(204).end();
    },
  };
}

function blockView({ createdAtMs, expiresAtMs, ...block }: Block): object {
  return {
    ...block,
    createdAt: new Date(createdAtMs).toISOString(),
    expiresAt: new Date(expiresAtMs).toISOString(),
  };
}
