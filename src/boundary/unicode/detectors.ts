import type { Detector } from '../detector.ts';
import { unicodeDefaults } from '../detector.ts';

export type InvisibleKind =
  | 'ansi-escape'
  | 'control-character'
  | 'bidi-override'
  | 'unicode-tag'
  | 'variation-selector'
  | 'zero-width';

/** What `findInvisible` looks for. Taken out when redacted: there is nothing in its place that a reader would miss. */
export const unicodeDetectors: readonly (Detector & { readonly id: InvisibleKind })[] = [
  {
    ...unicodeDefaults,
    id: 'ansi-escape',
    title: 'Terminal escape sequence (CSI, OSC, DCS, APC, PM, SOS, charset)',
    source: 'ECMA-48, 5th edition, §5.4 and §5.6; ECMA-35 §13',
    examples: {
      hit: [
        '\u001b[31mred\u001b[0m',
        '\u001b]8;;http://example.com\u001b\\link',
        'title \u001b]0;x\u0007',
        '\u009b31m',
        '\u001b(B',
        '\u001bc',
      ],
      miss: ['[31mred[0m', 'tab\tnew\r\nline', '\\u001b[31m'],
    },
  },
  {
    ...unicodeDefaults,
    id: 'control-character',
    title: 'Control character other than tab, line feed and carriage return',
    source: 'Unicode general category Cc',
    examples: {
      hit: ['a\u0000b', 'pass\u0008\u0008word', '\u007f', 'a\u0085b', 'lone \u001b'],
      miss: ['a\tb\r\nc', 'ä'],
    },
  },
  {
    ...unicodeDefaults,
    id: 'bidi-override',
    title: 'Bidirectional override, embedding or isolate',
    source: 'UAX #9 §2; CVE-2021-42574 (Trojan Source)',
    examples: {
      hit: ['user\u202e nimda', '\u2066// check\u2069', '\u202atext\u202c'],
      miss: ['שלום \u200f(עולם)\u200f', 'مرحبا بالعالم'],
    },
  },
  {
    ...unicodeDefaults,
    id: 'unicode-tag',
    title: 'Tag characters outside the flags of England, Scotland and Wales',
    source: 'Unicode block E0000..E007F; UTS #51 annex C, emoji tag sequences',
    examples: {
      hit: ['hi\u{e0068}\u{e0069}', '\u{1f3f4}\u{e0068}\u{e0069}\u{e007f}', '\u{e0001}'],
      miss: ['\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}', 'tag'],
    },
  },
  {
    ...unicodeDefaults,
    id: 'variation-selector',
    title: 'Variation selector that varies nothing, or a run of them',
    source: 'Unicode StandardizedVariants.txt; UTS #37; UTS #51 §1.4.3',
    examples: {
      hit: ['a\ufe0f', '\u2764\ufe0f\ufe0e', 'x\u{e0101}\u{e0102}', '\u{1f600}\u{e0150}'],
      miss: ['\u2764\ufe0f', '1\ufe0f\u20e3', '\u845b\u{e0100}', '\u2229\ufe00'],
    },
  },
  {
    ...unicodeDefaults,
    id: 'zero-width',
    title: 'Invisible character that joins, separates or fills nothing',
    source: 'Unicode property Default_Ignorable_Code_Point; UAX #31 §2.3 (joiners in context)',
    examples: {
      hit: ['pass\u200bword', 'a\u200db', '\u2060\u2060', 'mid\ufeffdle', '\u3164', 'x\u200ey'],
      miss: [
        '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645',
        '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
        '\ufeffcolumn,value',
        '\u0e20\u200b\u0e32',
        'Schiff\u00adfahrt',
      ],
    },
  },
];
