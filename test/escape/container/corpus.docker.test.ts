import { describeContainerCorpus } from './suite.ts';

describeContainerCorpus('runc');
