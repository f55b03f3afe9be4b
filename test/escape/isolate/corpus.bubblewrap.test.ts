/** The corpus under bubblewrap. */
import { workerTreePids, createExecutor } from '../../execution/isolate/support.ts';
import { describeEscapeCorpus } from './suite.ts';

describeEscapeCorpus({
  name: 'bwrap',
  create: () => createExecutor({ confinement: 'bwrap', poolSize: 2 }),
  workerPids: workerTreePids,
});
