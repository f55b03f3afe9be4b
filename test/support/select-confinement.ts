/**
 * `node select-confinement.ts CHOICE`: what would confine isolate workers on this host, as one line of JSON. Started
 * by tests inside hosts from which something was taken. There is no container engine.
 */
import { WorkerCgroups } from '../../src/execution/isolate/cgroup/worker-cgroups.ts';
import { locateAddon } from '../../src/execution/isolate/addon.ts';
import { selectConfinement } from '../../src/execution/isolate/select-confinement.ts';
import type { ConfinementChoice } from '../../src/execution/isolate/select-confinement.ts';

const quiet = { info: (): void => {}, warn: (): void => {}, error: (): void => {} };
await using cgroups = WorkerCgroups.open();
const selection = await selectConfinement({
  choice: process.argv[2] as ConfinementChoice,
  addonPath: locateAddon().path,
  confineInContainer: () => Promise.reject(new Error('no engine')),
  cgroups,
  logger: quiet,
});
const { confinement, ...rest } = selection;
process.stdout.write(JSON.stringify({ confinement: confinement?.name ?? null, ...rest }));
