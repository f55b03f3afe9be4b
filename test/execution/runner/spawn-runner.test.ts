import { describe, expect, test } from 'vitest';
import { childRunner, openedAhead } from '../../../src/execution/runner/spawn-runner.ts';

/** Lives until its link closes, as a runner does. */
const program = [
  '-e',
  "new (require('node:net').Socket)({ fd: 3 }).resume().on('end', () => process.exit())",
];

describe('a runner that was opened ahead', () => {
  test('is the first that is opened; the next one is another', async () => {
    await using opener = openedAhead(childRunner(program, {}));
    const first = opener.open();
    const second = opener.open();
    expect(second.identity['runnerPid']).not.toBe(first.identity['runnerPid']);
    first.stream.destroy();
    expect(await first.gone).toBe('exit code 0');
    second.kill();
    expect(await second.gone).toBe('signal SIGKILL');
  });

  test('ends with its opener where nobody took it up', async () => {
    const child = childRunner(program, {});
    let pid: unknown;
    let gone = Promise.resolve('never opened');
    const opener = openedAhead({
      ...child,
      open() {
        const opened = child.open();
        pid = opened.identity['runnerPid'];
        gone = opened.gone;
        return opened;
      },
    });
    await opener[Symbol.asyncDispose]();
    expect(await gone).toBe('signal SIGKILL');
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  });

  test('that died before it was taken up says so', async () => {
    await using opener = openedAhead(childRunner(['-e', 'process.exit(3)'], {}));
    expect(await opener.open().gone).toBe('exit code 3');
  });
});
