import { describe, expect, test } from 'vitest';
import { filterStdout } from './support/filter.ts';

const line = 'MIIEpAIBAAKCAQEA7bq2v3Zr80pQmV4nXk2LtYc7WbH9sDfJ6uEaGi1oMxTq5RkN';
const begin = '-----BEGIN RSA PRIVATE KEY-----';
const end = '-----END RSA PRIVATE KEY-----';

function redacted(text: string): string {
  return filterStdout(text).stdout.replaceAll(/\[REDACTED:private-key:[0-9a-f]{4}\]/g, '█');
}

describe('a private key is taken out from BEGIN to END', () => {
  test.each([
    ['in lines', `a\n${begin}\n${line}\n${line}\nAQAB\n${end}\nb`, 'a\n█\nb'],
    ['in one line with escaped breaks', `{"key":"${begin}\\n${line}\\nAQAB\\n${end}\\n"}`, '{"key":"█\\n"}'],
    ['with carriage returns', `${begin}\r\n${line}\r\n${end}\r\n`, '█\r\n'],
    [
      'encrypted, with headers',
      `${begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,A1B2\n\n${line}\n${end}`,
      '█',
    ],
    ['indented and quoted', `  "${begin}\\n" +\n  "${line}\\n" +\n  "${end}"`, '  "█"'],
    ['behind line numbers', ` 1\t${begin}\n 2\t${line}\n 3\t${end}\n`, ' 1\t█\n'],
    ['twice', `${begin}\n${line}\n${end}\n${begin}\n${line}\n${end}`, '█\n█'],
    ['of 16,384 bits', `${begin}\n${`${line}\n`.repeat(200)}${end}!`, '█!'],
  ])('%s', (_, text, expected) => {
    expect(redacted(text)).toBe(expected);
  });
});

describe('a private key that was cut off', () => {
  test.each([
    ['after some lines', `${begin}\n${line}\n${line}`, '█'],
    ['in the middle of a line', `${begin}\n${line}\n${line.slice(0, 20)}`, '█'],
    ['with escaped breaks', `"${begin}\\n${line}\\n${line.slice(0, 20)}`, '"█'],
    ['with headers', `${begin}\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,A1B2\n\n${line}\n`, '█\n'],
    ['before the next one', `${begin}\n${line}\n${begin}\n${line}\n${end}`, '█\n█'],
    ['after 64 KiB without a line break', `${begin}${'Q7'.repeat(40_000)}`, `█${'Q7'.repeat(7232)}`],
    ['before its BEGIN', `${line}\n${line}\nAQAB\n${end}\nb`, '█\nb'],
    ['before its BEGIN, with escaped breaks', `x: "${line}\\nAQAB\\n${end}"`, 'x: "█"'],
    [
      'and is followed by prose, of which one word goes too',
      `${begin}\n${line}\nand then the text goes on`,
      '█ then the text goes on',
    ],
  ])('%s', (_, text, expected) => {
    expect(redacted(text)).toBe(expected);
  });
});
