/** What decides: the active revision, the filter that it configures, and the kill switch. */
import { setTimeout as sleep } from 'node:timers/promises';
import { detectorIds } from '../boundary/detectors.ts';
import { BlockList } from '../calls/block-list.ts';
import { readCredentialSecrets } from '../calls/credential-secrets.ts';
import { ActivePolicy } from '../calls/policy/active-policy.ts';
import type { ActivePolicyOptions } from '../calls/policy/active-policy.ts';
import type { FirstPolicy } from '../calls/policy/first-policy.ts';
import { LiveBoundary } from '../calls/policy/live-boundary.ts';
import { followFellows, policyFellows } from '../calls/policy/policy-fellows.ts';
import { describeStaleness } from '../calls/policy/policy-state.ts';
import { compileAside } from '../policy/compile/compile-aside.ts';
import { readClaim } from '../policy/load/read-claim.ts';
import { scanFiles } from '../policy/load/scan-files.ts';
import type { Foundation } from './foundation.ts';

export const knownDetectors: readonly string[] = [...detectorIds];

export interface PolicyParts {
  readonly policy: ActivePolicy;
  readonly boundary: LiveBoundary;
  readonly blocks: BlockList;
}

export interface OpenPolicyOptions extends Pick<ActivePolicyOptions, 'runners'> {
  readonly first: FirstPolicy;
  /** Where credentials with `from: {env}` are read. */
  readonly environment: NodeJS.ProcessEnv;
  readonly onChange: () => void;
}

export async function openPolicy(
  { config, record, clock, newId, metrics, logger, scrubber, dataKey, news, serving }: Foundation,
  { first, environment, onChange, runners }: OpenPolicyOptions,
): Promise<PolicyParts> {
  const boundary = new LiveBoundary(first.revision, {
    redactionKey: dataKey,
    readSecrets: (credentials) => readCredentialSecrets(credentials, environment),
    onFiltered: (what, seconds) => metrics.filtered(what, seconds),
  });
  const redactText = (text: string): string => boundary.redactText(text);
  scrubber.use(redactText);
  const { fellows } = serving;
  const onChanged = async (): Promise<void> => {
    await fellows?.askOthers('blocks.refresh', null);
  };
  const blocks = await BlockList.open({ record, clock, newId, redactText, onChanged });
  const refreshBlocks = async (): Promise<null> => {
    await blocks
      .refresh()
      .catch((error: unknown) => logger.error({ err: error }, 'blocks of other servers not taken up'));
    return null;
  };
  news.add(({ haveBlocksChanged }) => {
    if (haveBlocksChanged) void refreshBlocks();
  });
  fellows?.onAsked('blocks.refresh', refreshBlocks);
  const directories = config.policyDirs;
  const policy = new ActivePolicy(first, {
    directories,
    knownDetectors,
    record,
    runners,
    compile: compileAside,
    scan: () => scanFiles(directories),
    readClaim: () => readClaim(directories),
    prepare: (revision) => boundary.prepare(revision),
    sleep,
    clock,
    fellows: fellows === null ? null : policyFellows(fellows),
    redactText,
    onChange: ({ outcome }) => {
      metrics.policyChanged(outcome);
      onChange();
    },
    logger,
  });
  if (fellows !== null) followFellows(fellows, (files) => policy.follow(files), logger);
  metrics.setPolicyStale(() => describeStaleness(policy.state) !== null);
  // What was changed before this process could be asked to take it up.
  if (fellows !== null) await refreshBlocks();
  return { policy, boundary, blocks };
}
