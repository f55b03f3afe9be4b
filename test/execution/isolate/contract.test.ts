import { describeSandboxExecutor, describeSandboxExecutorEnd } from '../../contract/sandbox-executor.ts';
import { isolateSubject } from './contract-subject.ts';
import { createExecutor } from './support.ts';

const subject = isolateSubject('isolate', () => createExecutor({ confinement: 'auto' }));
describeSandboxExecutor(subject);
describeSandboxExecutorEnd(subject);
