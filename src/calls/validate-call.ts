/** First steps of the path: the tool that this principal may see, and arguments that fit it. */
import { readArgumentFiles } from '../execution/argument-files.ts';
import type { Caller } from '../model/principal.ts';
import type { Tool } from '../model/tool.ts';
import type { Revision } from '../policy/revision.ts';
import { takesFiles } from '../policy/upload-terms.ts';
import { validateArgs } from '../policy/validate.ts';
import { didYouMean as nearestTool, isVisible } from '../policy/visibility.ts';
import type { CallRequest, CheckedArguments } from './call-context.ts';
import { isRefusal } from './refusal.ts';
import type { InputError, Refusal } from './refusal.ts';

/** An invisible tool and an unknown one answer alike. */
export function findTool(
  revision: Revision,
  caller: Caller,
  request: Pick<CallRequest, 'tool'>,
): Tool | Refusal {
  const tool = revision.tools.get(request.tool);
  if (tool !== undefined && isVisible(revision, caller.principal, request.tool)) return tool;
  const didYouMean = nearestTool(revision, caller.principal, request.tool);
  const hint =
    didYouMean === null ? 'GET /v1/tools lists those that you may use.' : `Did you mean ${didYouMean}?`;
  return { code: 'unknown_tool', detail: `There is no tool "${request.tool}". ${hint}`, didYouMean };
}

/** Defaults are applied here, once; the bytes made here are what is decided, recorded and executed. */
export function validateArguments(
  revision: Revision,
  tool: Tool,
  request: Pick<CallRequest, 'args'>,
): CheckedArguments | Refusal {
  const fitting = fitArguments(revision, tool, request);
  return isRefusal(fitting) ? fitting : { ...fitting, bytes: Buffer.from(JSON.stringify(fitting.value)) };
}

/** The same for those who run nothing. */
export function fitArguments(
  revision: Revision,
  tool: Tool,
  request: Pick<CallRequest, 'args'>,
): Pick<CheckedArguments, 'value'> | Refusal {
  const validation = validateArgs(revision, tool, request.args);
  if (!validation.ok) return misfit(validation.errors);
  const files = takesFiles(tool) ? readArgumentFiles(validation.args['files']) : [];
  if ('message' in files) return misfit([{ ...files, keyword: 'files' }]);
  return { value: validation.args };
}

function misfit(errors: readonly InputError[]): Refusal {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return {
    code: 'invalid_arguments',
    detail: `${first?.pointer || 'args'}: ${first?.message ?? 'does not fit'}${more}`,
    errors,
  };
}
