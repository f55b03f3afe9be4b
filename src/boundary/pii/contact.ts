import type { LiteralDetector, Span, NumberDetector } from '../detector.ts';
import { inParts, matchesFrom, noSpans } from '../detector.ts';

/** Reported only where a profile asks for it: addresses and numbers are what many tools are there for. */
const contactDefaults = { family: 'pii', inbound: 'allow', outbound: 'allow' } as const;

const localUnitsMax = 64;

export const emailAddress: LiteralDetector = {
  ...contactDefaults,
  id: 'email-address',
  title: 'E-mail address',
  source: 'RFC 5322 §3.4.1 (dot-atom), RFC 1035 §2.3.1, RFC 5321 §4.5.3.1 (lengths)',
  literals: ['@'],
  format: { kind: 'span', find: findEmail },
  examples: {
    hit: ['ada.lovelace@example.com', 'Write to <bob+tag@mail.example.co.uk>.'],
    miss: ['@types/node', 'git@github', 'user@@example.com', 'npm:left-pad@1.3.0', '@property'],
  },
};

/** By unit: what stands before the `@`. */
const isLocal = Uint8Array.from({ length: 128 }, (_, unit) =>
  /[A-Za-z0-9._%+-]/.test(String.fromCharCode(unit)) ? 1 : 0,
);

const domain = /@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])/y;

function findEmail(text: string, at: number): Span | null {
  let start = at;
  while (at - start < localUnitsMax && start > 0 && isLocal[text.charCodeAt(start - 1)] === 1) start--;
  if (start === at) return null;
  domain.lastIndex = at;
  return domain.test(text) ? { start, end: domain.lastIndex, confidence: 'medium' } : null;
}

const candidate = /(?<![\w+.])\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}(?![\w])/g;

export const phoneNumber: NumberDetector = {
  ...contactDefaults,
  id: 'phone-number',
  title: 'Telephone number in international form',
  source: 'ITU-T E.164 (at most 15 digits), E.123 (how it is written)',
  find: (text, start, { hasPlus }) =>
    hasPlus
      ? matchesFrom(candidate, text, start, (written, at) => [
          { start: at, end: at + written.length, confidence: 'medium' },
        ])
      : noSpans,
  examples: {
    hit: [inParts('+49 30 ', '901820'), inParts('call +1 (212) ', '555-0100 now')],
    miss: ['+1.5', '1+23456789', '+0123456789', 'UTC+02:00'],
  },
};
