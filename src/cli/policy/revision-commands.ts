import type { Command } from 'commander';
import type { Output } from '../output.ts';

interface Reasoned {
  readonly reason: string;
}

/** Those that ask a running server. Its YAML writer is loaded when one of them runs. */
export function addRevisionCommands(policy: Command, output: () => Output): void {
  const load = () => import('./revisions.ts');
  policy
    .command('history')
    .description('revisions that were active on the server, the latest first (scope policy)')
    .action(async () => (await load()).history(output()));
  policy
    .command('show')
    .description('a revision with its documents, constants put in; without one, the active one')
    .argument('[revision]', 'its first digits, as in the history')
    .action(async (revision: string | undefined) => (await load()).show(revision, output()));
  policy
    .command('rollback')
    .description('decide under a revision of the history, whatever the files say, until "policy unpin"')
    .argument('<revision>', 'its first digits, as in the history')
    .requiredOption('--reason <text>', 'for the record')
    .action(async (revision: string, { reason }: Reasoned) =>
      (await load()).rollback(revision, reason, output()),
    );
  policy
    .command('unpin')
    .description('let the policy files decide again')
    .requiredOption('--reason <text>', 'for the record')
    .action(async ({ reason }: Reasoned) => (await load()).unpin(reason, output()));
  policy
    .command('reload')
    .description('take up the policy files now; the server also looks at them by itself, and on SIGHUP')
    .action(async () => (await load()).reload(output()));
}
