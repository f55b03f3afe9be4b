/** The proof that a container holds: what it says of one that does, and of one that seems not to. */
import { appendFileSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Engine } from '../../../src/execution/container/engine.ts';
import { toolImagePlan, workerImagePlan } from '../../../src/execution/container/image-plan.ts';
import { buildImage, findPlanned } from '../../../src/execution/container/images.ts';
import { containerObjection } from '../../../src/execution/container/self-test.ts';
import { buildImages, dockerHost, imagesDirectory, openExecutor } from '../../support/container-calls.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'self-test-'));
const engine = new Engine(dockerHost);

beforeAll(async () => await buildImages('shell'), 600_000);
afterAll(() => rmSync(folder, { recursive: true }));

test('a container under runc passes', async () => {
  await using executor = openExecutor();
  expect(await containerObjection(executor, 'runc')).toBeNull();
});

test('what it could do though it must not is named', async () => {
  const { imageId } = await findPlanned(engine, toolImagePlan(imagesDirectory, 'shell'));
  const changed = path.join(folder, 'images');
  cpSync(imagesDirectory, changed, { recursive: true });
  // Its own tools say that it is root with interfaces of the host: nothing else tells a script.
  writeFileSync(path.join(changed, 'shell/id'), '#!/bin/sh\necho 0\n', { mode: 0o755 });
  writeFileSync(path.join(changed, 'shell/ls'), '#!/bin/sh\necho eth0\n', { mode: 0o755 });
  writeFileSync(
    path.join(changed, 'shell/Dockerfile'),
    `FROM ${imageId}\nCOPY shell/id /usr/bin/id\nCOPY shell/ls /usr/bin/ls\nUSER 65534:65534\n`,
  );
  const plan = toolImagePlan(changed, 'shell');
  await buildImage(engine, plan);
  try {
    await using executor = openExecutor({ imagesDirectory: changed });
    expect(await containerObjection(executor, 'runc')).toBe(
      'a container runs as another user than 65534, has a network',
    );
  } finally {
    await engine.docker.getImage(plan.tag).remove();
  }
});

test("another file of the worker's program is another image", () => {
  const program = path.join(folder, 'program');
  cpSync(path.join(import.meta.dirname, '../../../src/execution/isolate/worker'), program, {
    recursive: true,
  });
  const files = [{ name: 'src/execution/isolate/worker', path: program }];
  const before = workerImagePlan(imagesDirectory, files);
  appendFileSync(path.join(program, 'messages.ts'), '// one more\n');
  const after = workerImagePlan(imagesDirectory, files);
  expect(after.digest).not.toBe(before.digest);
  expect(after.tag).not.toBe(before.tag);
});
