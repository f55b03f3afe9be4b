import * as fc from 'fast-check';
import { expect, test } from 'vitest';

import { prepareRequest } from '../../../src/execution/container/call-request.ts';
import { isPlainPath } from '../../../src/execution/work-path.ts';
import { FrameDecoder } from '../../../src/execution/protocol/frame-decoder.ts';
import { profileOf } from '../../support/container-calls.ts';
import type { ShippedImage } from '../../support/container-calls.ts';

/** The frames as `type:payload`, data of one kind in a row joined. */
function framesOf(image: ShippedImage, args: string, changes = {}): string[] {
  const prepared = prepareRequest(profileOf(image, changes), Buffer.from(args));
  if (prepared.kind === 'refused') return [prepared.message];
  const seen: string[] = [];
  const decoder = new FrameDecoder(['file', 'fileData', 'args', 'end']);
  for (const frame of prepared.frames()) {
    decoder.decode(frame, ({ type, payload }) => {
      const last = seen.at(-1);
      const text = Buffer.from(payload).toString();
      if (last?.startsWith(`${type}:`) === true) seen[seen.length - 1] = last + text;
      else seen.push(`${type}:${text}`);
    });
  }
  return seen;
}

function refusal(files: unknown): string {
  return framesOf('python', JSON.stringify({ code: '1', files }))[0] ?? '';
}

test('the arguments go to the harness byte for byte', () => {
  expect(framesOf('python', '{"code":"1", "input":1.0}')).toEqual([
    'args:{"args":{"code":"1", "input":1.0}}',
    'end:{}',
  ]);
});

test('code of a tool goes along with its name', () => {
  expect(framesOf('python', '{"n":1}', { code: { name: 'a.py', source: 'x="1"' } })).toEqual([
    String.raw`args:{"code":"x=\"1\"","codeName":"a.py","args":{"n":1}}`,
    'end:{}',
  ]);
});

test('a script goes as it is; a script of a tool finds its arguments in a file', () => {
  expect(framesOf('shell', '{"script":"echo"}')).toEqual(['args:echo', 'end:{}']);
  expect(framesOf('shell', '{"n":1}', { code: { name: 'a.sh', source: 'echo' } })).toEqual([
    'file:{"path":"args.json"}',
    'fileData:{"n":1}',
    'args:echo',
    'end:{}',
  ]);
});

test('files go first', () => {
  const files = [
    { path: 'a/b', text: 'x' },
    { path: 'c', base64: 'eQ==' },
  ];
  expect(framesOf('shell', JSON.stringify({ script: 'echo', files }))).toEqual([
    'file:{"path":"a/b"}',
    'fileData:x',
    'file:{"path":"c"}',
    'fileData:y',
    'args:echo',
    'end:{}',
  ]);
});

test.each([
  '',
  '/etc/passwd',
  '../x',
  'a/../x',
  'a//b',
  './a',
  'a/.',
  '..',
  'a/',
  'a\nb',
  'a\0',
  '\ud800',
  'x'.repeat(256),
])('the path %j is refused', (path) => {
  expect(refusal([{ path, text: '' }])).toBe(
    'args/files/0/path: has to be relative to /work, in plain names without . and ..',
  );
});

test('files that clash, do not fit, or are of another form are refused', () => {
  const file = (path: string): object => ({ path, text: '' });
  expect(refusal([file('a'), file('a')])).toBe('args/files/1/path: "a" is given twice');
  expect(refusal([file('a'), file('a/b/c')])).toBe(
    'args/files/1/path: "a/b/c" has no place: "a" is given as a file, and no folder',
  );
  expect(refusal([file('a/b'), file('a')])).toBe(
    'args/files/1/path: "a" is a folder: other files are given in it',
  );
  for (const before of [[], [file('out/a')]])
    expect(refusal([...before, file('out')])).toContain(
      '"out" is the folder for what the code leaves: choose another name',
    );
  expect(refusal([{ path: 'a', text: 'x'.repeat(65 * 1024 * 1024) }])).toContain('fit into /work');
  expect(refusal([{ path: 'a', base64: '!' }])).toContain('not base64');
  expect(refusal([{ path: 'a', text: '', base64: '' }])).toContain('give one of text, base64, file');
  expect(refusal([{ path: 'a', file: 'art_1' }])).toContain('no such stored file');
  expect(refusal(Array.from({ length: 257 }, (_, index) => file(`f${index}`)))).toContain('at most 256');
  expect(refusal('x')).toContain('a list');
});

test('a plain path never leaves the folder it is joined to', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('.', '/', 'a', '\\', '\0', 'ä'), maxLength: 12 }),
      (path) => {
        if (!isPlainPath(path)) return;
        expect(new URL(encodeURI(path), 'file:///work/').pathname.startsWith('/work/')).toBe(true);
      },
    ),
  );
});
