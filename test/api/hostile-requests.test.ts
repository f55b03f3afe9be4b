import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../support/server.ts';
import type { TestServer } from '../support/server.ts';

const noEngine = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const awsKeyId = ['AKIA', 'IOSFODNN7', 'EXAMPLQ'].join('');

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ environment: noEngine });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

describe('hostile bodies', () => {
  test('a number beyond a double is refused: it would be checked as Infinity and run as null', async () => {
    const body = '{"tool":"js_run","args":{"code":"return input","input":1e999}}';
    const answer = await server.request('POST', '/v1/calls', { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed_request' } });
    expect(answer.body.detail).toContain('number');
  });
});

function sendRaw(text: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  return new Promise((done, fail) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('close', () => done(answer));
    socket.on('error', fail);
  });
}
