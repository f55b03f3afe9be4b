import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { Output } from './output.ts';
import { explain } from './policy/explain.ts';
import type { DiffOptions } from './policy/diff.ts';
import type { AskedCall, ExplainOptions } from './policy/explain.ts';
import { lint } from './policy/lint.ts';
import { schema } from './policy/schema.ts';
import type { SuggestOptions } from './policy/suggest.ts';
import { addRevisionCommands } from './policy/revision-commands.ts';
import { test } from './policy/test.ts';
import { repeatable } from './repeatable.ts';

const DIRECTORIES = 'policy directories; SALLYPORT_POLICY_DIR, else ./policies';

export function addPolicyCommands(program: Command, output: () => Output): void {
  const policy = program.command('policy').description('check, question and change what is decided under');
  policy
    .command('lint')
    .description('every error and warning, each with file, line and column')
    .argument('[dir...]', DIRECTORIES)
    .action((directories: readonly string[]) => lint(directories, output()));
  policy
    .command('test')
    .description('run the PolicyTest documents')
    .argument('[dir...]', DIRECTORIES)
    .option('--coverage <percent>', 'fail when less of the rules and quotas is tested', percentOf)
    .option('--junit <file>', 'also write a JUnit report')
    .action((directories: readonly string[], { coverage, ...options }: TestFlags) =>
      test(directories, { coverage: coverage ?? null, ...options }, output()),
    );
  policy
    .command('explain')
    .description('what would be decided, or was, and why')
    .addOption(repeatable('--dir <dir>', DIRECTORIES))
    .option(
      '--call <id>',
      'a recorded call (call_…), or the event of a refused one (evt_…): then and now, from the server',
    )
    .option('--principal <id>', 'who calls')
    .option('--tenant <name>', 'tenant of the principal', 'default')
    .addOption(repeatable('--role <name>', 'a role of the principal'))
    .addOption(repeatable('--attribute <name=value>', 'of `principal.attributes`; the value is JSON or text'))
    .option('--tool <name>', 'which tool')
    .option('--args <json>', 'arguments as JSON, @file, or - for standard input', '{}')
    .addOption(repeatable('--taint <name>', 'what the principal has come into touch with: `session.taints`'))
    .action(async (options: ExplainOptions, command: Command) => {
      const { call, principal, tool } = options;
      if (call !== undefined) {
        const { explainCall } = await import('./policy/explain-call.ts');
        return explainCall({ ...options, call }, output());
      }
      for (const [name, value] of Object.entries({ 'principal <id>': principal, 'tool <name>': tool }))
        if (value === undefined) command.error(`error: required option '--${name}' not specified, or --call`);
      return explain(options as AskedCall, output());
    });
  policy
    .command('diff')
    .description('what two policies say otherwise, and which recorded calls would end otherwise; Markdown')
    .argument(
      '[before]',
      'a directory, or first digits of a revision that the server keeps; else what decides there now',
    )
    .argument('[after]', 'the same')
    .addOption(repeatable('--candidate <dir>', 'policy directories that might decide: what comes after'))
    .option(
      '--since <time>',
      'also decide again what the server recorded since 24h, 7d, … ago (scopes audit, policy)',
    )
    .option('--limit <n>', 'recorded calls at most, the newest', countOf, 10_000)
    .action(
      async (
        before: string | undefined,
        after: string | undefined,
        options: DiffOptions,
        command: Command,
      ) => {
        const { diff } = await import('./policy/diff.ts');
        const asJson = command.optsWithGlobals<{ json?: boolean }>().json === true;
        await diff({ before, after }, options, { asJson, out: output(), now: Date.now() });
      },
    );
  policy
    .command('suggest')
    .description('policies as narrow as what the server recorded, as YAML (scopes audit, policy)')
    .addOption(new Option('--from <source>', 'what was used').choices(['audit']).default('audit'))
    .option('--since <time>', 'calls since 24h, 7d, … ago', '30d')
    .option('--limit <n>', 'recorded calls at most, the newest', countOf, 10_000)
    .action(async (options: SuggestOptions, command: Command) => {
      const { suggest } = await import('./policy/suggest.ts');
      const asJson = command.optsWithGlobals<{ json?: boolean }>().json === true;
      await suggest(options, { asJson, out: output(), now: Date.now() });
    });
  policy
    .command('schema')
    .description('the JSON Schema of policy documents, for editors')
    .argument('[kind]', 'one kind only, such as Policy or Tool')
    .option('--write <dir>', 'write a file for each kind, to be named by # yaml-language-server: $schema=')
    .action((kind: string | undefined, { write }: { write?: string }) => schema(kind, write));
  addRevisionCommands(policy, output);
}

interface TestFlags {
  readonly coverage?: number;
  readonly junit?: string;
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number from 1 to 999999.');
}

function percentOf(text: string): number {
  const percent = /^[0-9]{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (percent >= 0 && percent <= 100) return percent;
  throw new InvalidArgumentError('It must be a whole number from 0 to 100.');
}
