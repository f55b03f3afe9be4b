import type { Limits } from '../../model/limits.ts';

/** The smaller of each: a request can take away from its profile, never add to it. */
export function narrowLimits(own: Limits, asked: Limits): Limits {
  return {
    timeoutMs: Math.min(own.timeoutMs, asked.timeoutMs),
    memoryMiB: Math.min(own.memoryMiB, asked.memoryMiB),
    cpus: Math.min(own.cpus, asked.cpus),
    pids: Math.min(own.pids, asked.pids),
    outputBytes: Math.min(own.outputBytes, asked.outputBytes),
    logBytes: Math.min(own.logBytes, asked.logBytes),
    artifactBytes: Math.min(own.artifactBytes, asked.artifactBytes),
    hostCalls: Math.min(own.hostCalls, asked.hostCalls),
  };
}
