/** Words for people on a terminal, JSON for programs. */

export interface Output {
  /** Prints the value as JSON, or as the text that `human` makes of it. */
  show(value: unknown, human: () => string): void;
  /** The same for one of many: JSON takes one line. */
  line(value: unknown, human: () => string): void;
  readonly paint: Paint;
}

export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

/** `asJson`: the person said `--json`, or stdout is no terminal. */
export function createOutput(asJson: boolean, hasColour: boolean): Output {
  const style = (code: number) => (text: string) => (hasColour ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    show(value, human) {
      process.stdout.write(`${asJson ? escapeUnseen(JSON.stringify(value, null, 2)) : human()}\n`);
    },
    line(value, human) {
      process.stdout.write(`${asJson ? escapeUnseen(JSON.stringify(value)) : human()}\n`);
    },
    paint: { bold: style(1), dim: style(2), good: style(32), bad: style(31) },
  };
}

/** Columns as wide as their longest cell; the last one is left as it is. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `noun` has a plural with s. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Text from outside on a terminal: control, bidi and invisible characters are shown, never obeyed or passed over. */
export function printable(text: string): string {
  return escapeUnseen(text);
}

/** The same for a cell or a row: what came from outside begins no line of its own. */
export function oneLine(text: string): string {
  return escapeUnseen(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/** In JSON these escapes mean what they stand for; everywhere they are UTF-16 units, as JSON has them. */
function escapeUnseen(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}]/gu,
    (character) =>
      character === '\n' || character === '\t'
        ? character
        : Array.from(
            { length: character.length },
            (_none, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
          ).join(''),
  );
}
