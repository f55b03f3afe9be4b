/** UTF-16 text read as single bytes: every other character is NUL. */
import type { View } from '../view.ts';
import type { DecodeBudget } from './budget.ts';
import { SegmentedText } from './segments.ts';

const widePairsMin = 8;
const via = ['utf-16'] as const;

/** null: there is no such stretch in the text. */
export function readWide(text: string, codes: Buffer, budget: DecodeBudget): View | null {
  if (!codes.includes(0)) return null;
  const decoded = new SegmentedText();
  for (let at = text.indexOf('\0'); at !== -1;) {
    const start = at > 0 && isPrintable(text.charCodeAt(at - 1)) ? at - 1 : at + 1;
    let end = start;
    while (isPrintable(text.charCodeAt(end)) && text.charCodeAt(end + 1) === 0) end += 2;
    if (isPrintable(text.charCodeAt(end))) end++;
    if (end - start >= 2 * widePairsMin) addWide(text, start, end, decoded);
    at = text.indexOf('\0', Math.max(end, at + 1));
  }
  if (decoded.length === 0 || !budget.spend(decoded.length, 0, text.length)) return null;
  return decoded.toView();
}

function addWide(text: string, start: number, end: number, decoded: SegmentedText): void {
  decoded.add(`${text.slice(start, end).replaceAll('\0', '')}\n`, {
    via,
    originalStart: (place) => Math.min(start + 2 * place, end),
    originalEnd: (place) => Math.min(start + 2 * place + 2, end),
  });
}

function isPrintable(unit: number): boolean {
  return unit >= 0x20 && unit <= 0x7e;
}
