/** The corpus under the confinements that need nothing but a process. */
import { workerTreePids, createExecutor } from '../../execution/isolate/support.ts';
import { describeEscapeCorpus } from './suite.ts';

describeEscapeCorpus({
  name: 'process',
  create: () => createExecutor({ confinement: 'process', poolSize: 2 }),
  workerPids: workerTreePids,
});
