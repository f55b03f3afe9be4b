import { describeContainerCorpus, eatsTheMachine, trickNames } from './suite.ts';

// Without those that eat the machine: two cores do not bear them under gVisor within the suite's time.
describeContainerCorpus(
  'runsc',
  trickNames.filter((name) => !eatsTheMachine.test(name)),
);
