/** The named limits of the container executor. Those of a tool come with its profile. */

import { availableParallelism } from 'node:os';

/** From create to a harness that waits for its request, milliseconds. Not part of a call's own time. */
export const startTimeoutMs = 20_000;
/** One request to the engine, milliseconds. Attach and wait, which last as long as a call, are not bound by it. */
export const engineRequestTimeoutMs = 15_000;
/** After a kill: for the stream to end, milliseconds. Longer means that the engine does not answer. */
export const killGraceMs = 5_000;

/** Containers at once, how many more for tenants that have none, and calls that wait for one, in all and of one tenant. */
export const concurrentCallsMax = 8;
export const reservedCallsMax = 4;
export const waitingCallsMax = 128;
export const tenantWaitingCallsMax = 64;
/**
 * Calls of one tenant whose containers had to be killed, from which on it has one call at a time: killing, removing and
 * making one takes more of the processor than many a call. One that ends by itself makes up for one.
 */
export const killedCallsFree = 2;
/** Beyond it they are not counted; tenants that are counted. */
export const killedCallsMax = 8;
export const killingTenantsMax = 1000;

/**
 * Containers that are made at once: beyond four the engine makes no more of them a second, and each takes a quarter of a
 * second of a core, which those that run calls would wait for.
 */
export const startsMax = Math.min(4, availableParallelism());
/** Of these, ahead of need. */
export const refillsMax = 2;
/** From a claim until its successor is made, so that a short call has both cores, milliseconds. */
export const refillDelayMs = 20;
/** From the end of a call's code until its container is removed, so that the answer is not behind that, milliseconds. */
export const removalDelayMs = 50;
/** Used containers that are still being removed; beyond it nothing new is started. */
export const removalsMax = 16;
/** Idle containers of all images together. */
export const warmContainersMax = 32;
/** Between looks at idle containers, milliseconds. */
export const tendIntervalMs = 15_000;
/** Age at which an idle container is replaced, milliseconds. */
export const warmLifetimeMs = 600_000;
/** The deadline on a container's label: it may be claimed at that age, and policy allows a call 15 minutes. */
export const sandboxDeadlineMs = warmLifetimeMs + 20 * 60_000;

/** A reader that stops: so many bytes are kept for it before the sandbox is made to wait. */
export const queuedBytesMax = 256 * 1024;
/** What a frame costs beside its bytes, so that one-byte frames count. */
export const frameOverheadBytes = 256;

/** Around the value: `{"ok":true,"value":…}`, or an error in its place. */
export const envelopeBytesMax = 64 * 1024;
export const resultDepthMax = 128;
/** Of a guest's error, UTF-16 units. */
export const errorNameCharsMax = 128;
export const errorMessageCharsMax = 4_000;
export const errorStackCharsMax = 16_000;
/** What the supervisor says of itself, bytes kept. */
export const complaintBytesMax = 4 * 1024;
/** The end of stderr, kept to tell an interpreter's own heap limit from another abort, bytes. */
export const stderrTailBytesMax = 4 * 1024;

/** Of one call; its supervisor sends no more, and the api takes no more. */
export const artifactsMax = 256;

/** Between sweeps, milliseconds. */
export const sweepIntervalMs = 60_000;
/** Until an engine is asked again that was away when a container was left on it, milliseconds. */
export const owedSweepDelayMs = 1_000;
/** After a call's deadline, before another instance's container counts as forgotten, milliseconds. */
export const sweepGraceMs = 60_000;

/** Containers of isolate workers that start at once: the engine makes about seven a second at four. */
export const workerStartsMax = 4;
/** Age at which a worker's container is replaced once it is idle, milliseconds. */
export const workerLifetimeMs = 3_600_000;
/** The deadline on its label: its last call may begin at that age, and policy allows a call 15 minutes. */
export const workerDeadlineMs = workerLifetimeMs + 20 * 60_000;

/** Sessions of all principals together. */
export const sessionsMax = 16;
/** One file operation in a session, milliseconds. Longer means that its container cannot be trusted to answer. */
export const fileOperationMsMax = 30_000;
/** Files that one list names; the supervisor has the same limit. */
export const listedFilesMax = 2_000;
/** A path in such a list, UTF-16 units: more than the supervisor has room for. */
export const listedPathCharsMax = 1_024;
