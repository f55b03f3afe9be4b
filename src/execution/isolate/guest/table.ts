/** Inside the isolate: `console.table`, drawn as Node draws it. */
import type { GuestPart } from './host-call.ts';

export function defineTable(
  _callHost: unknown,
  load: (part: GuestPart) => Record<string, unknown>,
): Record<string, unknown> {
  const rowsMax = 1000;
  const columnsMax = 100;
  const show = load('inspect')['showNested'] as (value: unknown) => string;

  type Row = { readonly index: string; readonly cells: Map<string, string>; readonly value: string };

  function entriesOf(data: object): [index: string, value: unknown][] {
    if (data instanceof Map)
      return Array.from(data).map(([key, value], at) => [String(at), { Key: key, Values: value }]);
    if (data instanceof Set) return Array.from(data).map((value, at) => [String(at), value]);
    return Object.entries(data);
  }

  function rowOf([index, value]: [string, unknown], wanted: readonly string[] | null): Row {
    if (typeof value !== 'object' || value === null) return { index, cells: new Map(), value: show(value) };
    const keys = (wanted ?? Object.keys(value)).slice(0, columnsMax);
    const held = value as Record<string, unknown>;
    return {
      index,
      cells: new Map(keys.filter((key) => Object.hasOwn(value, key)).map((key) => [key, show(held[key])])),
      value: '',
    };
  }

  function draw(lines: readonly (readonly string[])[]): string {
    const widths = (lines[0] ?? []).map(
      (_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)) + 2,
    );
    const rule = (left: string, middle: string, right: string): string =>
      left + widths.map((width) => '─'.repeat(width)).join(middle) + right;
    const row = (cells: readonly string[]): string =>
      `│${cells.map((cell, at) => ` ${cell}`.padEnd(widths[at] ?? 0)).join('│')}│`;
    const [head = [], ...body] = lines;
    return [rule('┌', '┬', '┐'), row(head), rule('├', '┼', '┤'), ...body.map(row), rule('└', '┴', '┘')].join(
      '\n',
    );
  }

  /** Null for what has no rows: it is then shown as any value is. */
  function table(data: unknown, columns: unknown): string | null {
    if (typeof data !== 'object' || data === null) return null;
    const wanted = Array.isArray(columns) ? columns.map(String) : null;
    const rows = entriesOf(data)
      .slice(0, rowsMax)
      .map((entry) => rowOf(entry, wanted));
    const names = (
      wanted ?? Array.from(new Set(rows.flatMap(({ cells }) => Array.from(cells.keys()))))
    ).slice(0, columnsMax);
    const hasValues = rows.some(({ value }) => value !== '');
    const head = [
      data instanceof Map || data instanceof Set ? '(iteration index)' : '(index)',
      ...names,
      ...(hasValues ? ['Values'] : []),
    ];
    const body = rows.map(({ index, cells, value }) => [
      index,
      ...names.map((name) => cells.get(name) ?? ''),
      ...(hasValues ? [value] : []),
    ]);
    return draw([head, ...body]);
  }

  return { table };
}
