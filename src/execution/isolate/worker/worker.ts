/**
 * An isolate worker: `node worker.ts ADDON_PATH [stdio]`, spoken to on descriptor 3, or on stdin and stdout.
 * One call at a time, each in an isolate of its own that was made ready before the call came. Everything is
 * synchronous, because that takes half the CPU of isolated-vm's async calls and because the runner owns the
 * deadline: it kills this process, whatever the guest does.
 */
import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { WorkerChannel } from './channel.ts';
import type { WorkerCall } from './channel.ts';
import { GuestHost } from './guest-host.ts';
import { readGuestSources } from './guest-sources.ts';
import type { GuestSources } from './guest-sources.ts';
import { PreparedIsolate } from './prepared-isolate.ts';
import type { IsolateAddonExports } from './prepared-isolate.ts';
import { readToolCall } from './tool-call.ts';

const socketPair = { input: 3, output: 3 } as const;
/** In a container, whose engine attaches to these and to no other. V8's and Node's own words go to stderr. */
const stdio = { input: 0, output: 1 } as const;
/** Heap of the first isolate; the next ones are made for the memory of the call before. */
const firstMemoryMiB = 64;

interface Worker {
  readonly addon: IsolateAddonExports;
  readonly sources: GuestSources;
  readonly channel: WorkerChannel;
}

async function work(worker: Worker): Promise<void> {
  const { addon, channel, sources } = worker;
  let memoryMiB = firstMemoryMiB;
  for (;;) {
    using prepared = new PreparedIsolate(addon, sources, memoryMiB);
    channel.sendControl('ready', {});
    const call = channel.receive();
    if (call === null) return;
    memoryMiB = call.limits.memoryMiB;
    if (prepared.memoryMiB === memoryMiB) runCall(worker, prepared, call);
    else {
      prepared[Symbol.dispose]();
      using fitting = new PreparedIsolate(addon, sources, memoryMiB);
      runCall(worker, fitting, call);
    }
    // isolated-vm leaves work on the event loop when an isolate goes.
    await nextTurn();
  }
}

function runCall({ channel, sources }: Worker, prepared: PreparedIsolate, call: WorkerCall): void {
  const cpuBefore = process.cpuUsage();
  const memoryBefore = reportsMemory ? process.memoryUsage.rss() : 0;
  const tool = readToolCall(call);
  const host = new GuestHost({
    limits: call.limits,
    input: tool.kind === 'tool' ? tool.input : 'null',
    sources: sources.parts,
    writeLog: (stream, data) => channel.sendLog(stream, data),
  });
  if (tool.kind === 'refused') host.settle({ kind: 'threw', error: tool.error });
  else prepared.run(tool.source, host);
  const outcome = host.outcome ?? { kind: 'out_of_memory' };
  const cpu = process.cpuUsage(cpuBefore);
  channel.sendEnd(outcome.kind === 'returned' ? host.result : null, {
    outcome,
    dropped: host.dropped,
    cpuMs: (cpu.user + cpu.system) / 1000,
    memoryBytes: Math.max(prepared.heapBytes, reportsMemory ? process.memoryUsage.rss() - memoryBefore : 0),
  });
}

const [addonPath, mode] = process.argv.slice(2);
if (addonPath === undefined) throw new Error('usage: worker ADDON_PATH [stdio]');
/** Only where the runner may be unable to look for itself: the reading costs as much as a small call. */
const reportsMemory = mode === 'stdio' || process.platform !== 'linux';
const { ivm: addon } = createRequire(import.meta.url)(addonPath) as { ivm: IsolateAddonExports };
const channel = new WorkerChannel(mode === 'stdio' ? stdio : socketPair);
await work({ addon, sources: readGuestSources(), channel });
