/** Filters large inputs on a thread of its own, one after the other, so that the one that serves HTTP goes on meanwhile. */
import { parentPort } from 'node:worker_threads';
import type { Boundary } from '../boundary.ts';
import { createBoundary } from '../boundary.ts';
import { checkFile } from '../check-file.ts';
import type { Done, FromThread, ToThread, Work } from './protocol.ts';

function perform(boundary: Boundary, work: Work): Done[Work['kind']] {
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
  }
}

function serve(port: NonNullable<typeof parentPort>): void {
  let boundary: Boundary | null = null;
  const answer = ({ options, work }: ToThread): FromThread => {
    try {
      if (options !== undefined) boundary = createBoundary(options);
      if (boundary === null) throw new TypeError('the filter was not told what to look for');
      return { kind: 'done', value: perform(boundary, work) };
    } catch (error) {
      return { kind: 'threw', error };
    }
  };
  port.on('message', (message: ToThread) => port.postMessage(answer(message), []));
  port.postMessage({ kind: 'ready' } satisfies FromThread, []);
}

if (parentPort !== null) serve(parentPort);
