/** Set-up file of soak runs: every property that names no `numRuns` of its own is tried `SOAK_RUNS` times. */
import { configureGlobal } from 'fast-check';

const numRuns = Number(process.env['SOAK_RUNS']);
if (!Number.isSafeInteger(numRuns) || numRuns < 1)
  throw new Error('SOAK_RUNS must be a whole number above 0');
configureGlobal({ numRuns });
