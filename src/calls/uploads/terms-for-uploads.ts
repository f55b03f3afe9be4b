import type { Caller } from '../../model/principal.ts';
import { uploadTerms } from '../../policy/upload-terms.ts';
import type { UploadTerms } from '../../policy/upload-terms.ts';
import type { CallContext } from '../call-context.ts';
import { findBlock } from '../decide-call.ts';
import type { Refusal } from '../refusal.ts';

/** What policy gives this caller now; a refusal where that is nothing, or an operator has blocked every tool that takes files. */
export function termsForUploads(
  context: Pick<CallContext, 'blocks' | 'revision'>,
  caller: Caller,
): UploadTerms | Refusal {
  const revision = context.revision();
  const terms = uploadTerms(revision, caller.principal);
  if (terms === null) return nothingTakesFiles;
  const blocked = terms.tools.map((tool) => findBlock(context, revision, caller, tool));
  const [first] = blocked;
  return first === undefined || first === null || blocked.includes(null) ? terms : first.refusal;
}

const nothingTakesFiles: Refusal = {
  code: 'policy_denied',
  detail: 'No tool that you may use takes files. GET /v1/tools lists those that you may use.',
  policy: null,
  rule: null,
  reasons: ['No tool that you may use takes files.'],
  nearest: null,
};
