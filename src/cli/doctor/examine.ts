/** Everything that `sallyport doctor` looks at, one thing after the other: it must not hurt a server that runs here. */
import type { Config } from '../../config/config.ts';
import { readVersion } from '../../config/version.ts';
import { checkCgroups } from './cgroup-check.ts';
import {
  checkEngine,
  checkImages,
  checkVersions,
  examineContainers,
  judgeContainers,
  judgeHardening,
} from './container-checks.ts';
import { checkAddon, checkDataDirectory, checkDisk, checkNode, checkPolicy } from './host-checks.ts';
import { examineIsolates, judgeIsolates } from './isolate-checks.ts';
import type { Check, DoctorReport } from './report.ts';

export async function examineHost(
  config: Config,
  imagesDirectory: string,
  { isDeep }: { readonly isDeep: boolean },
): Promise<DoctorReport> {
  const addon = checkAddon();
  const { check: policy, revision } = await checkPolicy(config.policyDirs);
  const ground = { dockerHost: config.dockerHost, imagesDirectory, revision };
  const engine = await checkEngine(ground);
  const hasEngine = engine.state === 'ok';
  const isolates =
    addon.path === null ? [] : await examineIsolates({ config, imagesDirectory, addonPath: addon.path });
  const containers = await examineContainers(ground, isDeep);
  const hardening = judgeHardening(containers);
  const checks: Check[] = [
    checkNode(),
    addon.check,
    policy,
    await checkDataDirectory(config.dataDir),
    await checkDisk(config),
    await checkCgroups(),
    engine,
    ...(hasEngine ? [...(await checkVersions(ground)), await checkImages(ground)] : []),
    ...(addon.path === null ? [] : [judgeIsolates(isolates, config)]),
    ...(hasEngine ? [judgeContainers(containers, revision)] : []),
    ...(hardening === null ? [] : [hardening]),
  ];
  return {
    status: checks.some(({ state }) => state === 'failed') ? 'failed' : 'ok',
    version: readVersion(),
    checks,
    runtimes: [...isolates, ...containers],
  };
}
