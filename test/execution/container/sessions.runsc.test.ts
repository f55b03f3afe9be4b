/** Sessions under gVisor: state, files, and code that does not run between two calls. */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { buildImages, countContainers, openExecutor } from '../../support/container-calls.ts';
import { Subject, sessionProfile } from '../../support/held-session.ts';

beforeAll(async () => await buildImages('python', 'shell'), 600_000);

test('keeps variables and files, tells artifacts of one call from those of another, and leaves nothing', async () => {
  const instance = `test-${randomUUID()}`;
  {
    await using executor = openExecutor({ instance });
    const session = await new Subject(executor, sessionProfile('python', { engineRuntime: 'runsc' })).open();
    await session.file({ kind: 'put', path: 'd/in.txt', data: Buffer.from('one') });
    const first = await session.run({ code: 'x = open("d/in.txt").read()\nopen("out/a.txt", "w").write(x)' });
    expect(first.artifacts).toEqual({ 'a.txt': 'one' });
    const second = await session.run({ code: 'open("out/b.txt", "w").write(x + x)' });
    expect(second.artifacts).toEqual({ 'b.txt': 'oneone' });
    expect(await session.read('out/b.txt')).toBe('oneone');
    expect(await session.run({ code: '1/0' })).toMatchObject({ exit: { reason: 'threw' } });
    expect(await session.file({ kind: 'list', prefix: 'd' })).toMatchObject({
      files: [{ path: 'd/in.txt' }],
    });
  }
  expect(await countContainers(instance)).toBe(0);
});

test('stops what a call left running, until the next', async () => {
  await using executor = openExecutor();
  const session = await new Subject(executor, sessionProfile('python', { engineRuntime: 'runsc' })).open();
  const code = [
    'import threading, os, time',
    'def tick():',
    '    while True:',
    '        with open("next", "w") as file: file.write(str(time.time_ns()))',
    '        os.replace("next", "tick")',
    '        time.sleep(0.001)',
    'threading.Thread(target=tick, daemon=True).start()',
    'while not os.path.exists("tick"): time.sleep(0.001)',
  ].join('\n');
  await session.run({ code });
  const before = await session.read('tick');
  expect(before).not.toBe('');
  for (let turn = 0; turn < 50; turn++) await session.read('tick');
  expect(await session.read('tick')).toBe(before);
  expect((await session.run({ code: 'time.sleep(0.05)\nopen("tick").read()' })).result).not.toBe(before);
});

test('follows no link, in no place of a path, and takes no artifacts from behind one', async () => {
  await using executor = openExecutor();
  const session = await new Subject(executor, sessionProfile('python', { engineRuntime: 'runsc' })).open();
  const code = [
    'import os',
    'os.symlink("/etc", "etc"); os.symlink("/etc/passwd", "passwd")',
    'os.rmdir("out"); os.symlink("/etc", "out")',
  ].join('\n');
  expect((await session.run({ code })).artifacts).toEqual({});
  for (const path of ['etc', 'etc/passwd', 'passwd', 'out/passwd'])
    expect([path, await session.read(path)]).toEqual([path, 'no_file']);
  const put = await session.file({ kind: 'put', path: 'etc/x', data: Buffer.from('x') });
  expect(put).toMatchObject({ error: 'no_file' });
  expect(await session.file({ kind: 'remove', path: 'etc/passwd' })).toMatchObject({ error: 'no_file' });
  expect(await session.file({ kind: 'list', prefix: '' })).toMatchObject({ files: [] });
});
