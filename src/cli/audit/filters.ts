/** The filters of the record as options, for every command that takes them. */
import type { Command } from 'commander';

const filters = {
  type: 'kind of event, such as outcome or denied',
  principal: 'who acted',
  tenant: 'one tenant (others than your own: scope admin)',
  key: 'id of the API key',
  tool: 'name of the tool',
  status: 'how a call ended, or the code of a refusal',
  effect: 'allow, deny or require_approval',
  rule: 'rule that decided: policy/rule, or its own name alone',
  finding: 'detector that found something',
  host: 'where something was sent',
  credential: 'credential that was used',
  session: 'ses_…',
  run: 'run_…',
  approval: 'apr_…',
  label: 'name=value',
  address: 'where the request came from',
  callId: 'call_…',
  requestId: 'one request',
  text: 'words that all occur; one that ends with * is a beginning',
  from: 'RFC 3339 time, inclusive',
  to: 'RFC 3339 time, exclusive',
} as const;

export type FilterOptions = Partial<Record<keyof typeof filters, string>>;

export function addFilterOptions(command: Command): Command {
  for (const [name, meaning] of Object.entries(filters)) {
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    command.option(`--${flag} <value>`, meaning);
  }
  return command;
}
