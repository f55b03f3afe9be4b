/** Named limits of the pool; what depends on the number of cores is in `worker-pool.ts`. */
export const poolLimits = {
  /** Calls of one worker before it is replaced: bounds what a slow leak can take, and spreads the 0.15 s of a start. */
  callsPerWorkerMax: 5000,
  /** Resident memory that a worker may have gained since its first `ready` and still be kept, MiB. */
  idleGrowthMiBMax: 96,
  /** Processes beyond two a core, so that as many tenants more keep theirs; unused for so long, they go. */
  tenantProcessesMax: 4,
  surplusIdleMsMax: 60_000,
  /** Fresh workers that stand ready for whoever comes next. */
  sparesMin: 1,
  /** Calls that may wait, all tenants together and each; patient ones half of that. */
  queue: { lengthMax: 256, tenantLengthMax: 128 },
  /** How long a call may wait for a worker, and a patient one. */
  queueMsMax: 10_000,
  patientQueueMsMax: 15 * 60_000,
  /** How long a worker may take until it is ready: at its start, and between two calls. */
  readyMsMax: 15_000,
  /** Workers that do not start: pauses between attempts, and failures in a row after which the pool is down. */
  startBackOff: { firstMs: 100, longestMs: 10_000, allowance: 0 },
  startFailuresMax: 3,
  /** Tenants whose calls get their workers killed pay for the new ones with time. */
  tenantBackOff: { firstMs: 100, longestMs: 2000, allowance: 2 },
  tenantBackOffsMax: 1000,
} as const;
