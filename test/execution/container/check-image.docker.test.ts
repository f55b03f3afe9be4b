/** `sallyport images check`: against images that ship, and against images that each break one rule. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { Engine } from '../../../src/execution/container/engine.ts';
import { toolImagePlan } from '../../../src/execution/container/image-plan.ts';
import { buildImages, dockerHost, imagesDirectory } from '../../support/container-calls.ts';
import { runCli } from '../../support/server.ts';

const environment = { DOCKER_HOST: process.env['DOCKER_HOST'] };
const engine = new Engine(dockerHost);
const made: string[] = [];

beforeAll(async () => await buildImages('python', 'shell'), 600_000);
afterAll(async () => {
  for (const tag of made) await engine.docker.getImage(tag).remove({ force: true });
});

interface Checked {
  readonly passed: boolean;
  readonly checks: readonly {
    readonly requirement: string;
    readonly state: string;
    readonly seen: string | null;
  }[];
}

async function check(...args: readonly string[]): Promise<{ code: number | null } & Checked> {
  const { code, stdout, stderr } = await runCli(['images', 'check', '--json', ...args], environment);
  if (stdout === '') throw new Error(stderr);
  return { code, ...(JSON.parse(stdout) as Checked) };
}

function failures({ checks }: Checked): Record<string, string | null> {
  const failed = checks.filter(({ state }) => state === 'failed');
  return Object.fromEntries(failed.map(({ requirement, seen }) => [requirement, seen]));
}

/** The id of the shell image with these lines added to its Dockerfile. */
async function shellWith(...lines: readonly string[]): Promise<string> {
  const { tag: base } = toolImagePlan(imagesDirectory, 'shell');
  const context = mkdtempSync(path.join(tmpdir(), 'check-image-'));
  const tag = `sallyport-check:${createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 12)}`;
  try {
    writeFileSync(path.join(context, 'Dockerfile'), [`FROM ${base}`, ...lines].join('\n'));
    const progress = await engine.docker.buildImage({ context, src: ['Dockerfile'] }, { t: tag, rm: true });
    await new Promise<void>((resolve, reject) => {
      engine.docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)));
    });
  } finally {
    rmSync(context, { recursive: true });
  }
  made.push(tag);
  return (await engine.docker.getImage(tag).inspect()).Id;
}

/** An entrypoint whose child is this line of shell. */
function child(line: string): string {
  return `ENTRYPOINT ${JSON.stringify(['/opt/sallyport/supervisor', '--', '/bin/sh', '-c', line])}`;
}

test('an image that keeps the protocol passes, sessions too', async () => {
  const seen = await check('python', '--code', '6 * 7', '--session');
  expect(seen).toMatchObject({ code: 0, passed: true });
  expect(seen.checks.map(({ state }) => state)).toEqual(Array.from({ length: 8 }, () => 'passed'));
});

test('code that does not come to its end is told as it ended', async () => {
  const seen = await check('python', '--code', 'raise ValueError("no")');
  expect(seen).toMatchObject({ code: 1, passed: false });
  expect(failures(seen)).toEqual({ 'it answers a request within the protocol': 'threw: ValueError: no' });
});

test('a place to write and a process of the engine’s are refused', async () => {
  const seen = await check(await shellWith('VOLUME /data', 'HEALTHCHECK CMD true'), '--code', 'true');
  expect(seen.code).toBe(1);
  expect(failures(seen)).toEqual({
    'it declares no volumes: they would be writable beside /work and /tmp': '/data',
    'it has no health check: the engine would run it inside of the sandbox': 'it has one',
  });
});

test('a harness that breaks the protocol is told where', async () => {
  const noisy = await check(await shellWith(child('echo >&4; sleep 0.2; echo early; cat <&3')));
  expect(failures(noisy)).toEqual({
    'it says nothing until it is asked': 'it printed or answered before there was a request',
  });
  expect(noisy.checks.filter(({ state }) => state === 'not_tried')).toHaveLength(2);
  const mumbling = await check(await shellWith(child('echo >&4; cat <&3 >/dev/null; echo nonsense >&4')));
  expect(failures(mumbling)['it answers a request within the protocol']).toMatch(
    /^crashed: SandboxCrashed: /,
  );
  const unready = await check(await shellWith(child('exit 1')));
  expect(Object.keys(failures(unready))).toEqual([
    'its child is ready without network, capabilities and a writable root',
  ]);
  const bare = await check(await shellWith('ENTRYPOINT ["/bin/sh"]'));
  expect(Object.values(failures(bare))).toEqual(['it is ["/bin/sh"]']);
});

test('an image that is not there is named with what to do', async () => {
  const missing = `sha256:${'0'.repeat(64)}`;
  const { code, stderr } = await runCli(['images', 'check', missing], environment);
  expect(code).toBe(1);
  expect(stderr).toContain(`run \`docker pull ${missing}\``);
});
