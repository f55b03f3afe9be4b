import { afterAll, beforeAll, expect, test } from 'vitest';

import { buildImages, call, openExecutor } from '../../support/container-calls.ts';

const executor = openExecutor();
beforeAll(async () => await buildImages('python'), 600_000);
afterAll(async () => await executor[Symbol.asyncDispose]());

test('prints are stdout, the last expression is the result, files under /work/out are artifacts', async () => {
  const code = [
    'import sys',
    'print("hällo")',
    'print("careful", file=sys.stderr)',
    'open("out/a.txt", "w").write("first")',
    'open("/work/out/b.txt", "w").write("second")',
    '{"sum": sum(input["numbers"])}',
  ].join('\n');
  const seen = await call(executor, 'python', { code, input: { numbers: [1, 2, 4] } });
  expect(seen.exit).toEqual({ type: 'exit', reason: 'completed', error: null });
  expect(seen.stdout).toBe('hällo\n');
  expect(seen.stderr).toBe('careful\n');
  expect(seen.result).toEqual({ sum: 7 });
  expect(seen.artifacts).toEqual({ 'a.txt': 'first', 'b.txt': 'second' });
});

test('frames come in order: started, data, usage, exit', async () => {
  const seen = await call(executor, 'python', { code: '1' });
  expect(seen.types).toEqual(['started', 'result', 'usage', 'exit']);
  expect(seen.usage.cpuMs).toBeGreaterThan(0);
  expect(seen.usage.memoryPeakBytes).toBeGreaterThan(1_000_000);
});

test('the processor time of a call is its own, without what loading the interpreter took', async () => {
  const { result, usage } = await call(executor, 'python', {
    code: 'import time\ntime.process_time() * 1000',
  });
  expect(usage.cpuMs).toBeGreaterThan(0);
  expect(usage.cpuMs).toBeLessThan(Number(result));
  const busy = 'import time\nwhile time.process_time() < INPUT: pass'.replace(
    'INPUT',
    String(Number(result) / 1000 + 0.2),
  );
  expect((await call(executor, 'python', { code: busy })).usage.cpuMs).toBeGreaterThan(100);
});

test('the variable result wins over the last expression', async () => {
  expect((await call(executor, 'python', { code: 'result = 1\n2' })).result).toBe(1);
});

test('code without either gives null, and input is None when there is none', async () => {
  expect((await call(executor, 'python', { code: 'x = 1' })).result).toBe(null);
  expect((await call(executor, 'python', { code: 'result = input is None' })).result).toBe(true);
});

test('a traceback has the lines of the code and none of the harness', async () => {
  const code = 'def half(x):\n    return x / 0\n\nhalf(1)';
  const seen = await call(executor, 'python', { code });
  expect(seen.exit).toEqual({
    type: 'exit',
    reason: 'threw',
    error: {
      name: 'ZeroDivisionError',
      message: 'division by zero',
      stack: [
        'Traceback (most recent call last):',
        '  File "<code>", line 4, in <module>',
        '    half(1)',
        '  File "<code>", line 2, in half',
        '    return x / 0',
        '           ~~^~~',
        'ZeroDivisionError: division by zero',
        '',
      ].join('\n'),
    },
  });
});

test('a syntax error names its line', async () => {
  const seen = await call(executor, 'python', { code: 'x = 1\ndef f(:' });
  expect(seen.exit.error?.name).toBe('SyntaxError');
  expect(seen.exit.error?.stack).toContain('File "<code>", line 2');
});

test('a result without a JSON form is a clear TypeError', async () => {
  const seen = await call(executor, 'python', { code: '{1, 2}' });
  expect(seen.exit.error).toEqual({
    name: 'TypeError',
    message: 'the result cannot be expressed in JSON: Object of type set is not JSON serializable',
    stack: 'TypeError: the result cannot be expressed in JSON: Object of type set is not JSON serializable\n',
  });
  expect((await call(executor, 'python', { code: 'float("nan")' })).exit.reason).toBe('threw');
});

test('sys.exit() ends well, sys.exit(3) does not', async () => {
  expect((await call(executor, 'python', { code: 'import sys\nresult = 5\nsys.exit()' })).result).toBe(5);
  const seen = await call(executor, 'python', { code: 'import sys\nsys.exit(3)' });
  expect(seen.exit).toMatchObject({
    reason: 'threw',
    error: { name: 'SystemExit', message: 'exit status 3' },
  });
});

test('code of a tool is called with the arguments', async () => {
  const code = { name: 'rows.py', source: 'def run(args):\n    return [args["n"]] * args["n"]' };
  expect((await call(executor, 'python', { n: 2, files: 'no meaning here' }, { code })).result).toEqual([
    2, 2,
  ]);
  const seen = await call(executor, 'python', {}, { code });
  expect(seen.exit.error?.stack).toContain('File "rows.py", line 2, in run\n    return [args["n"]]');
});

test('files are there under /work before the code runs', async () => {
  const files = [
    { path: 'data/rows.csv', text: 'a,b\n1,2\n' },
    { path: 'bytes.bin', base64: 'AP8=' },
  ];
  const code = '[open("data/rows.csv").read(), list(open("bytes.bin", "rb").read())]';
  expect((await call(executor, 'python', { code, files })).result).toEqual(['a,b\n1,2\n', [0, 255]]);
});

test('processes of multiprocessing work', async () => {
  const code =
    'import multiprocessing\ndef f(x): return x * x\nwith multiprocessing.Pool(2) as p: result = p.map(f, range(4))';
  expect(await call(executor, 'python', { code })).toMatchObject({ result: [0, 1, 4, 9], stderr: '' });
});

test('whatever code puts among the modules, its end says nothing about it', async () => {
  const code = 'import sys\nsys.modules["odd"] = object()\nsys.modules["none"] = None\n1';
  expect(await call(executor, 'python', { code })).toMatchObject({ result: 1, stderr: '' });
});

test('a megabyte goes in and comes out unchanged', async () => {
  const input = 'ä'.repeat(400_000);
  const seen = await call(executor, 'python', { code: 'print(len(input))\ninput', input });
  expect(seen.stdout).toBe('400000\n');
  expect(seen.result === input).toBe(true);
});

test('a process that ends without a result is crashed', async () => {
  expect((await call(executor, 'python', { code: 'import os\nos._exit(3)' })).exit).toMatchObject({
    reason: 'crashed',
    error: { message: 'the process ended with exit status 3 and no result' },
  });
  expect(
    (await call(executor, 'python', { code: 'import os\nos.kill(os.getpid(), 11)' })).exit,
  ).toMatchObject({
    reason: 'crashed',
    error: { message: 'the process was ended by signal 11' },
  });
});

test('the end is that of an interpreter: threads, exit functions, files left open, cycles with them', async () => {
  const code = `
import atexit, threading, time
def late():
    time.sleep(0.1)
    print("thread")
threading.Thread(target=late).start()
atexit.register(lambda: print("exit function"))
left_open = open("/work/out/global.txt", "w")
left_open.write("global")
class Cycle: pass
cycle = Cycle()
cycle.me = cycle
cycle.file = open("/work/out/cycle.txt", "w")
cycle.file.write("cycle")
print("no newline", end="")
"value"
`;
  const seen = await call(executor, 'python', { code });
  expect(seen.result).toBe('value');
  expect(seen.stdout).toBe('no newlinethread\nexit function\n');
  expect(seen.artifacts).toEqual({ 'global.txt': 'global', 'cycle.txt': 'cycle' });
});

test('an exit function that raises is told on stderr and changes nothing', async () => {
  const code = 'import atexit\natexit.register(lambda: 1 / 0)\n7';
  const seen = await call(executor, 'python', { code });
  expect([seen.result, seen.exit.reason]).toEqual([7, 'completed']);
  expect(seen.stderr).toContain('ZeroDivisionError');
});

test('the call is over when it is said to be: what still runs is killed, what was printed and written is kept', async () => {
  const code = `
import os, subprocess, time
subprocess.Popen(["sleep", "1000"])
open("/work/out/kept.txt", "w").write("kept")
print("printed", flush=True)
os.write(4, b'{"ok":true,"value":1}\\x04{"ok":true,"value":2}')
time.sleep(1000)
`;
  const seen = await call(executor, 'python', { code });
  expect([seen.result, seen.exit.reason, seen.stdout]).toEqual([1, 'completed', 'printed\n']);
  expect(seen.artifacts).toEqual({ 'kept.txt': 'kept' });
});
