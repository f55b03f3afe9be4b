/** The injection stage on texts of our own in many languages, and on paragraphs of ordinary documentation. */
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Boundary } from '../../../src/boundary/boundary.ts';

export interface Judged {
  readonly language: string;
  readonly kind: string;
  /** Texts of `held` are not looked at while rules are written. */
  readonly half: 'tuning' | 'held';
  readonly text: string;
  readonly isFound: boolean;
}

const data = join(import.meta.dirname, 'data');
const modules = join(import.meta.dirname, '../../../node_modules');
const paragraphUnitsMin = 60;
const paragraphsMax = 20_000;

export function measureAttacks(boundary: Boundary): Judged[] {
  return judge('attacks.yaml', boundary);
}

export function measureOrdinary(boundary: Boundary): Judged[] {
  return judge('ordinary.yaml', boundary);
}

function judge(file: string, boundary: Boundary): Judged[] {
  const lists = parse(readFileSync(join(data, file), 'utf8')) as Record<string, readonly string[]>;
  return Object.entries(lists).flatMap(([name, texts]) => {
    const [language = '', kind = ''] = name.split(' / ');
    return texts.map((text) => ({
      language,
      kind,
      half: halfOf(text),
      text,
      isFound: finds(boundary, text),
    }));
  });
}

function halfOf(text: string): Judged['half'] {
  return (createHash('sha256').update(text).digest()[0] ?? 0) % 2 === 0 ? 'tuning' : 'held';
}

function finds(boundary: Boundary, text: string): boolean {
  const { report } = boundary.filterOutput(
    { result: text, error: null, stdout: new Uint8Array(), stderr: new Uint8Array(), artifacts: [] },
    [],
  );
  return report.findings.some(({ detector }) => detector === 'prompt-injection');
}

/** Paragraphs of the README files of installed packages. */
export function measureParagraphs(boundary: Boundary): {
  readonly of: number;
  readonly found: readonly string[];
} {
  const found: string[] = [];
  let of = 0;
  for (const text of readmes()) {
    for (const paragraph of text.split(/\n\s*\n/)) {
      if (paragraph.length < paragraphUnitsMin || of >= paragraphsMax) continue;
      of++;
      if (finds(boundary, paragraph)) found.push(paragraph);
    }
  }
  return { of, found };
}

function* readmes(): Generator<string> {
  for (const entry of readdirSync(modules, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && /^(?:readme|changelog|security|contributing).*\.md$/i.test(entry.name))
      yield readFileSync(join(entry.parentPath, entry.name), 'utf8');
  }
}
