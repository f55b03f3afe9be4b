import type { Command } from 'commander';
import type { Principal } from '../model/principal.ts';
import { CommandFailed } from './command-failed.ts';
import { readJsonObject } from './json-argument.ts';
import type { Output } from './output.ts';

interface ExplainOptions {
  readonly dir?: readonly string[];
  readonly principal: string;
  readonly tenant: string;
  readonly role?: readonly string[];
  readonly tool: string;
  readonly args: string;
}

export function addPolicyCommands(program: Command, output: () => Output): void {
  const policy = program.command('policy').description('check and question policy files; needs no server');
  policy
    .command('lint')
    .description('every error and warning, each with file, line and column')
    .argument('[dir...]', 'policy directories; SALLYPORT_POLICY_DIR, else ./policies')
    .action((directories: readonly string[]) => lint(directoriesOf(directories), output()));
  policy
    .command('explain')
    .description('what would be decided, and why')
    .option('--dir <dir...>', 'policy directories; SALLYPORT_POLICY_DIR, else ./policies')
    .requiredOption('--principal <id>', 'who calls')
    .option('--tenant <name>', 'tenant of the principal', 'default')
    .option('--role <name...>', 'roles of the principal')
    .requiredOption('--tool <name>', 'which tool')
    .option('--args <json>', 'arguments as JSON, @file, or - for standard input', '{}')
    .addHelpText(
      'after',
      '\nExample:\n  sallyport policy explain --principal ana --role analyst --tool csv_profile --args \'{"text":"a,b"}\'',
    )
    .action((options: ExplainOptions) => explain(options, output()));
}

function directoriesOf(given: readonly string[]): readonly string[] {
  return given.length > 0 ? given : (process.env['SALLYPORT_POLICY_DIR'] ?? './policies').split(':');
}

async function lint(directories: readonly string[], out: Output): Promise<void> {
  const [{ compile }, { formatProblem }, { detectorIds }] = await Promise.all([
    import('../policy/compile/compile.ts'),
    import('../policy/lint.ts'),
    import('../boundary/detectors.ts'),
  ]);
  const compiled = await compile({ directories, knownDetectors: detectorIds });
  const errors = compiled.ok ? [] : compiled.problems;
  const revision = compiled.ok ? compiled.revision.id : null;
  out.show({ revision, errors, warnings: compiled.warnings }, () =>
    [
      ...errors.map((problem) => `${out.paint.bad('error')} ${formatProblem(problem)}`),
      ...compiled.warnings.map((problem) => `${out.paint.bold('warning')} ${formatProblem(problem)}`),
      revision === null
        ? out.paint.bad(`${errors.length} errors`)
        : out.paint.good(`fine: revision ${revision}`),
    ].join('\n'),
  );
  if (errors.length > 0) process.exitCode = 1;
}

async function explain(options: ExplainOptions, out: Output): Promise<void> {
  const [{ decide }, { explainDecision }, { loadRevision }, { validateArgs }, { detectorIds }] =
    await Promise.all([
      import('../policy/decide.ts'),
      import('../policy/explain.ts'),
      import('../policy/load-revision.ts'),
      import('../policy/validate.ts'),
      import('../boundary/detectors.ts'),
    ]);
  const revision = await loadRevision({
    directories: directoriesOf(options.dir ?? []),
    knownDetectors: detectorIds,
  });
  const principal: Principal = {
    id: options.principal,
    tenant: options.tenant,
    roles: options.role ?? [],
    attributes: {},
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
  const decision = decide(revision, {
    principal,
    tool: tool.name,
    args: validation.args,
    request: { ip: '127.0.0.1', timeMs: Date.now() },
  });
  out.show(decision, () => explainDecision(decision));
  if (decision.effect !== 'allow') process.exitCode = 1;
}
