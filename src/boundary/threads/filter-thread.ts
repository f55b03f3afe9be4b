/** Filters large inputs on a thread of its own, one after the other, so that the one that serves HTTP goes on meanwhile. */
import { readlinkSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';
import { parentPort } from 'node:worker_threads';
import type { Boundary } from '../boundary.ts';
import { createBoundary } from '../boundary.ts';
import { checkFile } from '../check-file.ts';
import type { StreamFilter } from '../stream/stream-filter.ts';
import type { Done, FromThread, ToThread, Work } from './protocol.ts';

interface OpenStream {
  readonly filter: StreamFilter;
  /** Detectors whose findings the other side knows of. */
  readonly told: Set<string>;
}

type Streams = Map<number, OpenStream>;

function perform(boundary: Boundary, streams: Streams, work: Work): Done[Work['kind']] {
  switch (work.kind) {
    case 'check-arguments': {
      const checked = boundary.checkArguments(work.args, work.profiles);
      const isAsGiven = checked.forRecord === work.args;
      return { ...checked, forRecord: isAsGiven ? null : checked.forRecord, isAsGiven };
    }
    case 'check-file':
      return checkFile(boundary, work.file, work.profiles);
    case 'filter-output': {
      const filtered = boundary.filterOutput(work.output, work.profiles);
      const isAsGiven = !filtered.blocked && filtered.result === work.output.result;
      return { ...filtered, result: isAsGiven ? null : filtered.result, isAsGiven };
    }
    case 'redact-for-record': {
      const value = boundary.redactForRecord(work.value);
      const isAsGiven = value === work.value;
      return { value: isAsGiven ? null : value, isAsGiven };
    }
    case 'open-stream':
      streams.set(work.stream, {
        filter: boundary.filterStream(work.name, work.profiles),
        told: new Set(),
      });
      return null;
    case 'push-stream': {
      const { filter, told } = streamOf(streams, work.stream);
      const text = filter.push(work.data);
      const found = new Set(filter.findings.map(({ detector }) => detector));
      const detectors = [...found].filter((detector) => !told.has(detector));
      for (const detector of detectors) told.add(detector);
      return { text, detectors, blocked: filter.blocked };
    }
    case 'end-stream': {
      const { filter } = streamOf(streams, work.stream);
      streams.delete(work.stream);
      return filter.end();
    }
  }
}

function streamOf(streams: Streams, stream: number): OpenStream {
  const found = streams.get(stream);
  if (found === undefined) throw new TypeError(`no stream ${stream} is open`);
  return found;
}

/** Behind the thread that serves HTTP, where the two want the same core. Linux has a priority for each thread (setpriority(2)). */
function stepBack(): void {
  try {
    setPriority(
      Number(basename(readlinkSync('/proc/thread-self'))),
      constants.priority.PRIORITY_BELOW_NORMAL,
    );
  } catch {
    // Elsewhere all threads of a process are equal.
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  let boundary: Boundary | null = null;
  const streams: Streams = new Map();
  const answer = ({ options, work }: ToThread): FromThread => {
    try {
      if (options !== undefined) boundary = createBoundary(options);
      if (boundary === null) throw new TypeError('the filter was not told what to look for');
      return { kind: 'done', value: perform(boundary, streams, work) };
    } catch (error) {
      return { kind: 'threw', error };
    }
  };
  port.on('message', (message: ToThread) => port.postMessage(answer(message), []));
  port.postMessage({ kind: 'ready' } satisfies FromThread, []);
}

if (parentPort !== null) {
  stepBack();
  serve(parentPort);
}
