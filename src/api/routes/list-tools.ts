import type { Principal } from '../../model/principal.ts';
import type { Tool } from '../../model/tool.ts';
import { callerOf } from '../authenticate.ts';
import { invalidQuery, readQuery } from '../query.ts';
import type { Route } from '../route.ts';
import { formatTools, toolFormats } from '../tool-formats.ts';

/** `GET /v1/tools`: the tools that this principal may see, in the form that a client takes as it is. */
export function listToolsRoute(visibleTools: (principal: Principal) => readonly Tool[]): Route {
  return {
    method: 'get',
    path: '/v1/tools',
    scope: 'call',
    operationId: 'listTools',
    summary: 'List the tools that you may see',
    query: {
      format: { description: 'Form of the list; sallyport unless asked otherwise', enum: toolFormats },
    },
    success: { status: 200, schema: 'ToolList', description: '{tools: […]}, by name.' },
    problems: ['malformed_request'],
    audits: [],
    handler(request, response) {
      const asked = readQuery(request, ['format']).format ?? 'sallyport';
      const format = toolFormats.find((candidate) => candidate === asked);
      if (format === undefined)
        throw invalidQuery({ pointer: '?format', message: `must be one of ${toolFormats.join(', ')}` });
      response.json({ tools: formatTools(visibleTools(callerOf(response).principal), format) });
    },
  };
}
