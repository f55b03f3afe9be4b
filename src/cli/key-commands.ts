import type { Command } from 'commander';
import { createClient } from './client.ts';
import { CommandFailed } from './command-failed.ts';
import { readAssignments } from './json-argument.ts';
import { printable, table } from './output.ts';
import type { Output } from './output.ts';
import { repeatable } from './repeatable.ts';

interface ShownKey {
  readonly id: string;
  readonly principal: string;
  readonly tenant: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  readonly secret?: string;
}

interface CreateOptions {
  readonly principal: string;
  readonly tenant: string;
  readonly role?: readonly string[];
  readonly attribute?: readonly string[];
  readonly scope: readonly string[];
  readonly expiresInHours?: string;
}

/** A hundred years, which is as long as the server takes. */
const hoursMax = 876_000;

export function addKeyCommands(program: Command, output: () => Output): void {
  const keys = program.command('keys').description('make, list and revoke API keys (scope admin)');
  keys
    .command('create')
    .description('make a key and print its secret, this once')
    .requiredOption('--principal <id>', 'whom the key stands for')
    .option('--tenant <name>', 'tenant of the principal', 'default')
    .addOption(repeatable('--role <name>', 'a role that policy knows'))
    .addOption(
      repeatable(
        '--attribute <name=value>',
        'of `principal.attributes` of policy; the value is JSON or text',
      ),
    )
    .addOption(repeatable('--scope <name>', 'call, run, approve, audit, policy, admin').makeOptionMandatory())
    .option('--expires-in-hours <n>', 'lifetime; without it the key does not expire')
    .action(async (options: CreateOptions) => {
      const body = {
        principal: options.principal,
        tenant: options.tenant,
        roles: options.role ?? [],
        attributes: readAssignments(options.attribute),
        scopes: options.scope,
        ...(options.expiresInHours === undefined
          ? {}
          : { expiresInMs: readHours(options.expiresInHours) * 3_600_000 }),
      };
      const key = (await createClient(process.env).request('POST', '/v1/keys', body)) as ShownKey;
      output().show(
        key,
        () => `${key.secret ?? ''}\n${describeKey(key).join('  ')}\nThe secret is not shown again.`,
      );
    });
  keys
    .command('list')
    .description('every key, without secrets')
    .action(async () => {
      const page = (await createClient(process.env).request('GET', '/v1/keys')) as {
        items: readonly ShownKey[];
      };
      output().show(page, () => table(page.items.map(describeKey)));
    });
  keys
    .command('revoke')
    .description('end a key at once')
    .argument('<id>', 'the part between spk_ and the next _')
    .action(async (id: string) => {
      await createClient(process.env).request('DELETE', `/v1/keys/${encodeURIComponent(id)}`);
      output().show({ id, revoked: true }, () => `${printable(id)} is revoked.`);
    });
}

function readHours(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) < 1 || Number(text) > hoursMax)
    throw new CommandFailed(2, `--expires-in-hours must be a whole number from 1 to ${hoursMax}.`);
  return Number(text);
}

function describeKey(key: ShownKey): string[] {
  const state =
    key.revokedAt === null
      ? key.expiresAt === null
        ? 'active'
        : `until ${key.expiresAt}`
      : `revoked ${key.revokedAt}`;
  return [key.id, key.principal, key.tenant, key.roles.join(',') || '-', key.scopes.join(','), state];
}
