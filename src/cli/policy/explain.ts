import type { Principal } from '../../model/principal.ts';
import { CommandFailed } from '../command-failed.ts';
import { noSession } from '../../model/taint.ts';
import { readAssignments, readJsonObject } from '../json-argument.ts';
import { printable } from '../output.ts';
import type { Output } from '../output.ts';
import { directoriesOf } from './directories.ts';

export interface ExplainOptions {
  readonly dir?: readonly string[];
  readonly call?: string;
  readonly principal?: string;
  readonly tenant: string;
  readonly role?: readonly string[];
  readonly attribute?: readonly string[];
  readonly tool?: string;
  readonly args: string;
  readonly taint?: readonly string[];
}

/** A call that somebody might make. */
export type AskedCall = ExplainOptions & { readonly principal: string; readonly tool: string };

/** `sallyport policy explain`: what would be decided and why; exit 1 when it is not allowed. */
export async function explain(options: AskedCall, out: Output): Promise<void> {
  const [{ decide }, { explainDecision }, { loadRevision }, { validateArgs }, { detectorIds }] =
    await Promise.all([
      import('../../policy/decide.ts'),
      import('../../policy/explain.ts'),
      import('../../policy/load-revision.ts'),
      import('../../policy/validate.ts'),
      import('../../boundary/detectors.ts'),
    ]);
  const revision = await loadRevision({
    directories: directoriesOf(options.dir ?? []),
    knownDetectors: detectorIds,
  });
  const principal: Principal = {
    id: options.principal,
    tenant: options.tenant,
    roles: options.role ?? [],
    attributes: readAssignments(options.attribute),
  };
  const tool = revision.tools.get(options.tool);
  if (tool === undefined)
    throw new CommandFailed(1, `There is no tool "${options.tool}" in revision ${revision.id}.`);
  const validation = validateArgs(revision, tool, readJsonObject(options.args));
  if (!validation.ok) {
    const errors = validation.errors
      .map(({ pointer, message }) => `\n  ${pointer || 'args'}: ${message}`)
      .join('');
    throw new CommandFailed(1, `The arguments do not fit ${tool.name}:${errors}`);
  }
  const call = {
    principal,
    tool: tool.name,
    args: validation.args,
    session: { ...noSession, taints: options.taint ?? [] },
    request: { ip: '127.0.0.1', timeMs: Date.now() },
  };
  const decision = decide(revision, call);
  out.show(decision, () => printable(explainDecision({ revision, call, decision })));
  if (decision.effect !== 'allow') process.exitCode = 1;
}
