/** A compilation whose result can be copied from one thread to another. */
import type { Image, Tool } from '../../model/tool.ts';
import type { PolicyProblem } from '../problem.ts';
import { compile, listPlaces } from './compile.ts';
import { compileContent } from './compile-content.ts';

export type CompileJob = {
  readonly knownDetectors: readonly string[];
  /** For one who decides: content and places. Else for one who runs: tools and images. */
  readonly isForDeciding: boolean;
} & (
  | { readonly from: 'directories'; readonly directories: readonly string[] }
  | { readonly from: 'content'; readonly id: string; readonly content: string }
);

/** A revision as far as it can be copied. */
export interface RevisionData {
  readonly id: string;
  readonly content: string;
  readonly places: readonly string[];
  readonly tools: readonly Tool[];
  readonly images: readonly Image[];
}

export type CompiledData =
  | ({ readonly ok: true } & RevisionData)
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] };

/** Rejects with `ContentAltered` for a content that is not what its id says. */
export async function runCompileJob(job: CompileJob): Promise<CompiledData> {
  const { knownDetectors, isForDeciding } = job;
  const result = await (job.from === 'directories'
    ? compile({ directories: job.directories, knownDetectors, isDeciding: isForDeciding })
    : compileContent(job.id, job.content, { knownDetectors, isDeciding: isForDeciding }));
  if (!result.ok) return { ok: false, problems: result.problems };
  const { id, content, tools, images, policies } = result.revision;
  // What the other side does not need it should not have to copy: that happens on the thread that serves calls.
  return {
    ok: true,
    id,
    content,
    places: isForDeciding ? listPlaces(policies) : [],
    tools: isForDeciding ? [] : [...tools.values()],
    images: isForDeciding ? [] : [...images.values()],
  };
}
