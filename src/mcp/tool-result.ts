/**
 * A call as the result of `tools/call`. Hostile: everything that the tool yielded. A model reads the text, so what came
 * from the tool stands in it between marks; `structuredContent` is for programs, and only of tools that declare a
 * schema for it. Names of artifacts stand in the marked text alone.
 */
import type { CallToolResult } from '@modelcontextprotocol/server';
import { modelText } from '../calls/model-text.ts';
import { isOpen } from '../model/call.ts';
import type { Call } from '../model/call.ts';
import type { JsonObject } from '../model/json.ts';
import { validateOutput } from '../policy/validate.ts';
import type { Revision } from '../policy/revision.ts';
import { artifactUri } from './artifacts.ts';

/** `_meta` keys of ours. */
export const metaKeys = { call: 'sallyport/call', problem: 'sallyport/problem' } as const;

export function callResult(revision: Revision, call: Call, mark: string): CallToolResult {
  if (isOpen(call)) return openResult(call);
  const structured = structuredContent(revision, call);
  const note = structured === 'misfit' ? `\n${misfitNote}` : '';
  return {
    content: [
      { type: 'text', text: modelText(call, mark) + note },
      ...call.artifacts.map(({ id, mediaType, sizeBytes }) => ({
        type: 'resource_link' as const,
        uri: artifactUri(id),
        name: id,
        mimeType: mediaType,
        size: sizeBytes,
      })),
    ],
    ...(structured === null || structured === 'misfit' ? {} : structured),
    isError: call.status !== 'succeeded' || structured === 'misfit',
    _meta: { [metaKeys.call]: summary(call) },
  };
}

/** A refusal or an error of ours. No `structuredContent`: clients hold that to the tool's output schema. */
export function problemResult(problem: JsonObject): CallToolResult {
  return {
    content: [{ type: 'text', text: JSON.stringify(problem) }],
    isError: true,
    _meta: { [metaKeys.problem]: problem },
  };
}

const misfitNote =
  'The result no longer fits what the tool declares once the boundary had redacted it, so it is not given as data.';

/** It did not happen yet, which a model must not take for success. */
function openResult(call: Call): CallToolResult {
  const what =
    call.status === 'pending_approval'
      ? 'waits until somebody approves it; nothing was run yet'
      : 'still runs';
  const text = `Call ${call.id} of the tool ${call.tool} ${what}. Do not call again: GET /v1/calls/${call.id} says what became of it.`;
  return { content: [{ type: 'text', text }], isError: true, _meta: { [metaKeys.call]: summary(call) } };
}

function structuredContent(
  revision: Revision,
  call: Call,
): Pick<CallToolResult, 'structuredContent'> | 'misfit' | null {
  const tool = revision.tools.get(call.tool);
  if (call.status !== 'succeeded' || tool === undefined || tool.output === null) return null;
  if (!validateOutput(revision, tool, call.result).ok) return 'misfit';
  return { structuredContent: call.result };
}

/** All but what the tool yielded. */
function summary(call: Call): JsonObject {
  const { result: _result, error: _error, output, artifacts: _artifacts, ...rest } = call;
  return JSON.parse(JSON.stringify({ ...rest, truncated: output.truncated })) as JsonObject;
}
