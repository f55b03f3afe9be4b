/** How a call is answered: as it is, or with what a model should read of it. */
import type { Request } from 'express';
import { modelText } from '../calls/model-text.ts';
import type { Call } from '../model/call.ts';
import { readChoice } from './event-filter.ts';
import { readQuery } from './query.ts';

const views = ['model'] as const;

export const viewParameter = {
  view: {
    description: 'model: `modelText` too, what the tool yielded as a model should read it',
    enum: views,
  },
} as const;

export type ShowCall = (call: Call) => Call | (Call & { readonly modelText: string });

/** What `?view=` asks for. `newMark` gives 128 random bits as text. Throws `malformed_request`. */
export function readView(request: Request, newMark: () => string): ShowCall {
  const { view } = readQuery(request, ['view']);
  if (view === undefined) return (call) => call;
  readChoice('view', view, views);
  return (call) => ({ ...call, modelText: modelText(call, newMark()) });
}
