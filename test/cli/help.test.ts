/** One standard for every command: what its help says, where its key comes from, and what a terminal alone gets to see. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { readConnection } from '../../src/cli/client.ts';
import { examples } from '../../src/cli/examples.ts';
import { allCommands, createProgram, nameOf } from '../../src/cli/program.ts';
import { withProgress } from '../../src/cli/progress.ts';
import { runCli } from '../support/server.ts';

const none = (): never => {
  throw new Error('nothing is run here');
};
const actions = { serve: none, runner: none, worker: none, images: none, doctor: none };
const program = await createProgram([], actions);
/** All that are meant for people, groups too. */
const commands = [program, ...allCommands(program)].filter((command) => command.name() !== 'worker');

function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) }).outputHelp();
  return text;
}

/** What the shell makes of the command in an example, without what stands before and behind it. */
function wordsOf(example: string): string[] {
  const [command = ''] = example.slice(example.indexOf('sallyport ')).split(/ [|>] /);
  const words = command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g);
  return [...words].slice(1).map(([, ...forms]) => forms.find((form) => form !== undefined) ?? '');
}

// One of the examples names a server.
beforeAll(() => void vi.stubEnv('SALLYPORT_URL', undefined));
afterAll(() => void vi.unstubAllEnvs());

describe.each(commands.map((command) => [nameOf(command), command] as const))('%s', (name, command) => {
  test('says what it does, shows an example that fits it, and the options that all have', () => {
    const help = helpOf(command);
    expect(help.replaceAll(/\s+/g, ' ')).toContain(command.description());
    expect(command.description()).toMatch(command === program ? /^[A-Z]/ : /^[a-z]/);
    const lines = help.slice(help.indexOf('\nExamples:')).split('\n').slice(2);
    expect(lines.filter((line) => line !== '').length).toBeGreaterThan(0);
    for (const line of lines)
      if (line !== '') expect(line).toContain(command === program ? 'sallyport ' : `sallyport ${name}`);
    expect(help).toMatch(/\n {2}--json .*\n/);
    expect(help).toMatch(/\n {2}--url <url> .*\n/);
    for (const option of command.options)
      expect({ option: option.long, says: option.description }).not.toEqual({
        option: option.long,
        says: '',
      });
  });

  test('takes what its examples show', async () => {
    for (const example of examples[name] ?? []) {
      const rehearsed = await createProgram([], actions);
      for (const each of allCommands(rehearsed)) if (each.commands.length === 0) each.action(() => {});
      await expect(rehearsed.parseAsync(wordsOf(example), { from: 'user' })).resolves.toBe(rehearsed);
    }
  });
});

test.each(['policy show', 'policy rollback'])('the revision in an example of %s can be one', async (name) => {
  const away = { SALLYPORT_URL: 'http://127.0.0.1:9', SALLYPORT_API_KEY: 'x' };
  const ended = await runCli(wordsOf(examples[name]?.at(-1) ?? ''), away);
  expect(ended.stderr).toContain('No server answers');
});

test('no example is of a command that is not there', () => {
  expect(Object.keys(examples).toSorted()).toEqual(commands.map(nameOf).toSorted());
});

const home = mkdtempSync(join(tmpdir(), 'client-config-'));
afterAll(() => rmSync(home, { recursive: true }));

/** A home whose file holds this, with this mode. */
function homeWith(name: string, content: string, mode = 0o600): NodeJS.ProcessEnv {
  const directory = join(home, name, 'sallyport');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'config.json'), content, { mode });
  chmodSync(join(directory, 'config.json'), mode);
  return { XDG_CONFIG_HOME: join(home, name), SALLYPORT_DATA_DIR: join(home, 'nowhere') };
}

describe('the key', () => {
  const file = JSON.stringify({ url: 'https://sallyport.example', apiKey: 'spk_file' });

  test('comes from the environment, else from a file for its owner alone', () => {
    const environment = homeWith('own', file);
    expect(readConnection(environment)).toEqual({ url: 'https://sallyport.example', key: 'spk_file' });
    expect(readConnection({ ...environment, SALLYPORT_API_KEY: 'spk_set' }).key).toBe('spk_set');
  });

  test('of the file goes to the server of the file, and to no other', () => {
    const environment = { ...homeWith('other', file), SALLYPORT_URL: 'https://elsewhere.example' };
    expect(() => readConnection(environment)).toThrow(/No API key for this server/);
  });

  test.each([0o640, 0o604, 0o660, 0o644])('is not taken from a file that others may read: %o', (mode) => {
    const environment = homeWith(`mode-${mode}`, file, mode);
    expect(() => readConnection(environment)).toThrow(
      /others may read or change it \(mode 0[0-7]{3}\): chmod 600 /,
    );
    // Nor by another name for it.
    const link = join(home, `link-${mode}`, 'sallyport');
    mkdirSync(link, { recursive: true });
    symlinkSync(join(home, `mode-${mode}`, 'sallyport', 'config.json'), join(link, 'config.json'));
    expect(() => readConnection({ XDG_CONFIG_HOME: join(home, `link-${mode}`) })).toThrow(/chmod 600/);
  });

  test.each(['no json', '[]', '{"apikey": "spk_x"}', '{"url": 5}', '{"apiKey": ""}'])(
    'is not taken from a file of another shape: %s',
    (text) => {
      expect(() => readConnection(homeWith(`shape-${text.length}`, text))).toThrow(/must be JSON such as/);
    },
  );

  test('and --url hold for the command line as it is run; a file that is open to others ends it with 2', async () => {
    const seen: (string | undefined)[] = [];
    const stand = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.setHeader('Content-Type', 'application/json').end('{"items": [], "nextCursor": null}');
    });
    await new Promise<void>((done) => stand.listen(0, '127.0.0.1', done));
    const url = `http://127.0.0.1:${(stand.address() as AddressInfo).port}`;
    const environment = homeWith('run', JSON.stringify({ url, apiKey: 'spk_file' }));
    const listed = await runCli(['calls', 'list', '--url', url], {
      ...environment,
      SALLYPORT_URL: 'http://127.0.0.1:9',
    });
    expect(listed).toMatchObject({
      code: 0,
      stdout: '{\n  "items": [],\n  "nextCursor": null\n}\n',
      stderr: '',
    });
    const open = await runCli(['calls', 'list'], homeWith('run-open', '{}', 0o644));
    expect(open).toMatchObject({ code: 2, stdout: '' });
    expect(open.stderr).toContain('chmod 600');
    stand.close();
    expect(seen).toEqual(['Bearer spk_file']);
  });
});

describe('progress', () => {
  test('is told at a terminal, and leaves nothing behind', async () => {
    const written: string[] = [];
    const shown = Promise.withResolvers<void>();
    const stream = {
      isTTY: true,
      write: (text: string) => {
        written.push(text);
        shown.resolve();
      },
    };
    await withProgress('verifying', () => shown.promise, stream);
    expect(written[0]).toMatch(/^\r\u001b\[Kverifying … \d+ s$/);
    expect(written.at(-1)).toBe('\r\u001b[K');
  });

  test('is nothing to a program, and no failure is lost in it', async () => {
    const stream = { write: (text: string): never => expect.fail(text) };
    expect(await withProgress('verifying', () => 7, stream)).toBe(7);
    const failing = withProgress('verifying', () => Promise.reject(new Error('no')), {
      ...stream,
      isTTY: true,
      write: () => {},
    });
    await expect(failing).rejects.toThrow('no');
  });
});
