import type { Command } from 'commander';
import { blockLifetimeMsMax } from '../model/block.ts';
import { matchesGlob } from '../policy/selectors.ts';
import { createClient } from './client.ts';
import type { Client } from './client.ts';
import { CommandFailed } from './command-failed.ts';
import { readDuration } from './read-duration.ts';
import { oneLine, printable, table } from './output.ts';
import type { Output } from './output.ts';

interface ShownBlock {
  readonly id: string;
  readonly tool: string;
  readonly principal: string | null;
  readonly tenant: string | null;
  readonly reason: string;
  readonly createdBy: string;
  readonly expiresAt: string;
}

interface AddOptions {
  readonly tool: string;
  readonly principal?: string;
  readonly tenant?: string;
  readonly expires: string;
  readonly reason: string;
}

export function addBlockCommands(program: Command, output: () => Output): void {
  const block = program
    .command('block')
    .description('the kill switch: deny calls at once, whatever policy says (scope policy)');
  block
    .command('add')
    .description('deny calls from now on; those that run already go on')
    .requiredOption('--tool <pattern>', "name of a tool, or a pattern such as 'stripe_*'")
    .option('--principal <id>', 'only calls of this principal')
    .option('--tenant <name>', 'only calls of this tenant')
    .requiredOption('--expires <time>', 'how long it lasts: 90s, 30m, 2h or 7d, at most 90d')
    .requiredOption('--reason <text>', 'for the record; callers are not told')
    .action(async ({ expires, ...wanted }: AddOptions) => {
      const body = { ...wanted, expiresInMs: readLifetime(expires) };
      const client = createClient(process.env);
      const added = (await client.request('POST', '/v1/blocks', body)) as ShownBlock;
      output().show(added, () => `${describeBlock(added).join('  ')}\nIt is in force.`);
      // The block stands, whether this can be told or not.
      const isMeant = await meansTool(client, added.tool).catch(() => true);
      if (!isMeant)
        process.stderr.write(`sallyport: ${printable(added.tool)} matches no tool of the active policy.\n`);
    });
  block
    .command('list')
    .description('the blocks in force')
    .action(async () => {
      const page = (await createClient(process.env).request('GET', '/v1/blocks')) as {
        items: readonly ShownBlock[];
      };
      output().show(page, () =>
        page.items.length === 0 ? 'No block is in force.' : table(page.items.map(describeBlock)),
      );
    });
  block
    .command('remove')
    .description('end a block before its time')
    .argument('<id>', 'blk_…')
    .action(async (id: string) => {
      await createClient(process.env).request('DELETE', `/v1/blocks/${encodeURIComponent(id)}`);
      output().show({ id, removed: true }, () => `${printable(id)} is removed.`);
    });
}

function readLifetime(text: string): number {
  const ms = readDuration('--expires', text);
  if (ms > blockLifetimeMsMax) throw new CommandFailed(2, '--expires must be at most 90d.');
  return ms;
}

/** A name that was mistyped denies nothing. */
async function meansTool(client: Client, pattern: string): Promise<boolean> {
  const { tools } = (await client.request('GET', '/v1/policy')) as {
    readonly tools: readonly { readonly name: string }[];
  };
  return tools.some(({ name }) => matchesGlob(pattern, name));
}

function describeBlock(block: ShownBlock): string[] {
  const whose = [
    block.principal === null ? '' : `principal ${block.principal}`,
    block.tenant === null ? '' : `tenant ${block.tenant}`,
  ].filter((part) => part !== '');
  return [
    block.id,
    block.tool,
    whose.join(', ') || 'everybody',
    `until ${block.expiresAt}`,
    `by ${block.createdBy}`,
    block.reason,
  ].map(oneLine);
}
