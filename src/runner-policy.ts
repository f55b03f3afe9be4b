/** The runner's own view of policy: compiled from its own files. Loaded apart, since a start has other things to do first. */
import { join } from 'node:path';
import { detectorIds } from './boundary/detectors.ts';
import type { Config } from './config/config.ts';
import { compileAside } from './policy/compile/compile-aside.ts';
import { runCompileJob } from './policy/compile/compile-job.ts';
import { scanFiles } from './policy/load/scan-files.ts';
import { RecentRevisions } from './policy/recent-revisions.ts';
import { RevisionStore } from './policy/revision-store.ts';
import type { Logger } from './telemetry/logger.ts';

/** Resolves when the files were looked at for the first time, whatever they hold. */
export async function openRevisions(config: Config, logger: Logger): Promise<RecentRevisions> {
  const directories = config.policyDirs;
  const revisions = new RecentRevisions({
    directories,
    knownDetectors: [...detectorIds],
    compile: compileAside,
    scan: () => scanFiles(directories),
    store: new RevisionStore(join(config.dataDir, 'runner', 'revisions')),
    onBroken: (problems) => logger.error({ problems }, 'policy does not compile; the revisions held stay'),
    onFailed: (error) =>
      logger.error({ err: error }, 'a policy revision could not be compiled, kept or read'),
  });
  // Nothing runs yet that another thread would spare, and starting one takes time.
  await revisions.refresh(runCompileJob);
  return revisions;
}
