/** What a person sees: headings, tables, key–value lines. Colours on a terminal only. */
import { stripVTControlCharacters, styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

const indent = '   ';
const columnWidthMax = 60;

/** Respects NO_COLOR and whether stdout is a terminal. */
export function paint(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stdout });
}

export function line(text = ''): void {
  console.log(text === '' ? '' : `${indent}${text}`);
}

export function heading(number: number, title: string): void {
  console.log(`\n${paint('cyan', String(number))}  ${paint('bold', title)}`);
}

/** Says what was asked, in the form that a reader could repeat. */
export function request(text: string): void {
  line(paint('dim', `→ ${text}`));
}

export function lines(text: string, paintLine: (line: string) => string = (value) => value): void {
  for (const part of text.trimEnd().split('\n')) line(paintLine(part));
}

/** Columns as wide as their longest cell; columns that hold numbers only are set flush right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const cut = rows.map((row) => row.map((cell) => shorten(cell)));
  const widths = header.map((name, column) =>
    Math.max(widthOf(name), ...cut.map((row) => widthOf(row[column] ?? ''))),
  );
  const isNumeric = header.map((_name, column) =>
    cut.every((row) => /^(-?[\d.]+)?$/.test(stripVTControlCharacters(row[column] ?? ''))),
  );
  const format = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => {
        const padding = ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)));
        return isNumeric[column] === true ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  line(paint('dim', format(header)));
  for (const row of cut) line(format(row));
}

function widthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

function shorten(text: string): string {
  return widthOf(text) <= columnWidthMax
    ? text
    : `${stripVTControlCharacters(text).slice(0, columnWidthMax - 1)}…`;
}
