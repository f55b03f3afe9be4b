import { array, assert, constantFrom, oneof, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { filterResult, filterStdout, githubPlaceholder, githubToken } from './support/filter.ts';

const clean = (text: string) => filterStdout(text).stdout;
const found = (text: string) =>
  filterStdout(text).report.findings.map(({ detector, count }) => `${detector} ${count}`);

const legitimate = {
  Arabic: 'مرحبا بالعالم، كيف حالك؟ ١٢٣',
  'Persian with ZWNJ': 'می‌خواهم کتاب‌ها را بخوانم و نمی‌دانم؛ PDF‌ها',
  'Persian with ZWJ at a word end': 'ه‍. ق.',
  'Hindi with ZWJ and ZWNJ': 'क्‍ष और क्‌ष, हिन्दी में नमस्ते',
  'Sinhala with ZWJ': 'ශ්‍රී ලංකාව',
  'Malayalam chillu with ZWJ': 'അവന്‍ പറഞ്ഞു',
  'Bengali with ZWNJ': 'র‌্যাব',
  'Hebrew with marks': 'שלום \u200f(עולם)\u200f ABC\u200e!',
  'Thai with ZWSP': 'ภาษา\u200bไทย',
  'Khmer with ZWSP': 'ភាសា\u200bខ្មែរ',
  'emoji families': '👨‍👩‍👧‍👦 👩🏽‍🚀 🧑🏻‍❤️‍🧑🏿 👁️‍🗨️ 🐦‍⬛ 👩‍🦰',
  'emoji presentation': '❤️ ☎︎ ™️ ✌🏽 ⚧️ ▶️',
  keycaps: '1️⃣ #️⃣ *️⃣',
  'flags of countries': '🇩🇪 🇮🇳 🇺🇳 🏳️‍🌈 🏴‍☠️ 🏳️‍⚧️',
  'flags of England, Scotland and Wales': '🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏴󠁧󠁢󠁳󠁣󠁴󠁿 🏴󠁧󠁢󠁷󠁬󠁳󠁿',
  'ideographs with variants': '葛\u{e0100}城市 神\ufe00',
  Mongolian: 'ᠮᠣᠩᠭᠣᠯ\u180b',
  'Old Korean': '\u1112\u1160\u115f\u1161',
  'soft hyphens inside words': 'Donau\u00addampf\u00adschiff',
  'byte order mark of a file': '\ufeffname,value\r\nä,1\r\n',
  'tabs and line ends': 'a\tb\r\nc\rd\n',
  Japanese: 'こんにちは、世界。ｶﾞ',
};

describe('legitimate text comes through byte-identical', () => {
  test.each(Object.entries(legitimate))('%s', (_, text) => {
    expect(found(text)).toEqual([]);
    expect(clean(text)).toBe(text);
    expect(filterResult({ [text]: [text] }).result).toEqual({ [text]: [text] });
  });
});

describe('what a reader does not see is taken out', () => {
  test.each([
    ['a colour', '\u001b[1;31mred\u001b[0m', 'red', 'ansi-escape 2'],
    ['a title set by OSC', '\u001b]0;title\u0007text', 'text', 'ansi-escape 1'],
    [
      'a link by OSC 8',
      '\u001b]8;;https://evil.example\u001b\\here\u001b]8;;\u001b\\',
      'here',
      'ansi-escape 2',
    ],
    ['a device control string', 'a\u001bPq#0\u001b\\b', 'ab', 'ansi-escape 1'],
    ['an 8-bit CSI', 'a\u009b31mb', 'ab', 'ansi-escape 1'],
    ['a sequence without its end', 'a\u001b]52;c;ZXZpbA==', 'a52;c;ZXZpbA==', 'ansi-escape 1'],
    ['a CSI cut off at the end', 'a\u001b[31', 'a', 'ansi-escape 1'],
    ['a lone escape', 'a\u001b', 'a', 'control-character 1'],
    ['backspaces that overwrite', 'safe\u0008\u0008\u0008\u0008evil', 'safeevil', 'control-character 1'],
    ['NUL', 'a\u0000b', 'ab', 'control-character 1'],
    ['a right-to-left override', 'exe.\u202etxt', 'exe.txt', 'bidi-override 1'],
    ['isolates around code', '/* \u2066 */ run() \u2069', '/*  */ run() ', 'bidi-override 2'],
    ['text in tag characters', 'hi\u{e0069}\u{e0067}\u{e006e}', 'hi', 'unicode-tag 1'],
    ['tags after a flag that is none', '🏴\u{e0068}\u{e0069}\u{e007f}', '🏴', 'unicode-tag 1'],
    ['tags after a whole flag', '🏴󠁧󠁢󠁥󠁮󠁧󠁿\u{e0068}', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', 'unicode-tag 1'],
    ['bytes in variation selectors', '😀\u{e0158}\u{e0159}', '😀', 'variation-selector 1'],
    ['a selector after a letter', 'a\ufe0f', 'a', 'variation-selector 1'],
    ['a second selector', '❤️\ufe0f', '❤️', 'variation-selector 1'],
    ['a space of no width', 'pass\u200bword', 'password', 'zero-width 1'],
    ['a joiner between Latin letters', 'ad\u200dmin', 'admin', 'zero-width 1'],
    ['a second joiner', 'می\u200c\u200cخواهم', 'می\u200cخواهم', 'zero-width 1'],
    ['a joiner that only another mark would join', 'a\u200c\u061cb', 'ab', 'zero-width 1'],
    ['a second direction mark', 'שלום\u200f\u200f', 'שלום\u200f', 'zero-width 1'],
    ['fillers without a syllable', 'a\u115f\u1160b', 'ab', 'zero-width 1'],
    ['a direction mark in Latin text', 'ab\u200fc', 'abc', 'zero-width 1'],
    ['a byte order mark in the middle', 'a\ufeffb', 'ab', 'zero-width 1'],
    ['a filler that looks like a space', 'const \u3164 = 1', 'const  = 1', 'zero-width 1'],
    ['a deprecated format character', 'a\u206ab', 'ab', 'zero-width 1'],
  ])('%s', (_, text, expected, finding) => {
    expect(clean(text)).toBe(expected);
    expect(found(text)).toEqual([finding]);
  });
});

test('joiners are judged by the neighbours that stay, so a second pass finds nothing', () => {
  const once = clean('می\u202e\u200c\u200d👨\u200b\u200d👩');

  expect(once).toBe('می\u200c👨\u200d👩');
  expect(clean(once)).toBe(once);
});

test('visible characters are never lost', () => {
  const visible = constantFrom('a', '1', 'é', 'م', 'क', '語', '👨', '❤', '🏴', '#', ' ', '\n');
  const hidden = constantFrom(
    '\u200b',
    '\u200c',
    '\u200d',
    '\ufe0f',
    '\u{e0067}',
    '\u202e',
    '\u0008',
    '\u00ad',
    '\u200f',
    '\ufeff',
  );

  assert(
    property(array(oneof(visible, hidden)), (characters) => {
      const text = characters.join('');
      const strip = (text: string) => text.replaceAll(/[^a1éمक語👨❤🏴# \n]/gu, '');
      expect(strip(clean(text))).toBe(strip(text));
    }),
  );
});

test('a profile that only flags leaves the text alone', () => {
  const flagging = {
    name: 'raw',
    inbound: { detectors: {} },
    outbound: { detectors: { 'zero-width': 'flag' } },
    artifacts: 'any',
    taints: {},
    detectors: [],
    allow: { hosts: [], texts: [] },
    stream: 'buffered',
  } as const;

  const { stdout, report } = filterStdout('pass\u200bword', [flagging]);

  expect(stdout).toBe('pass\u200bword');
  expect(report.verdict).toBe('flagged');
});

test.each([0, 3, 9000, 20_000, 40_000])(
  'a secret with an invisible character in it is found %i characters into a text with others far away',
  (distance) => {
    const split = `${githubToken.slice(0, 9)}\u200b${githubToken.slice(9)}`;
    const filler = 'plain words '.repeat(4000).slice(0, distance);
    const text = `a\u200bb ${filler} ${split} ${filler} c\u200bd`;

    expect(filterStdout(text).stdout).toBe(`ab ${filler} ${githubPlaceholder} ${filler} cd`);
  },
);
