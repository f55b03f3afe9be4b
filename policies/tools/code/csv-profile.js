// Profiles a CSV text (RFC 4180, first record = header). Linear in the text: every character is read a bounded number
// of times and missing cells are counted by subtraction.

const COLUMNS_MAX = 10_000;
const SHOWN_CHARS_MAX = 200;
const DELIMITERS = [',', ';', '\t', '|'];
const MISSING = new Set(['', 'NA', 'N/A', 'NaN', 'null', 'NULL']);

export default function profile({ text, delimiter }) {
  const source = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const columns = [];
  let rows = -1;
  readRecords(source, delimiter ?? detectDelimiter(source), (cells) => {
    rows += 1;
    if (cells.length > COLUMNS_MAX) throw new Error(`more than ${COLUMNS_MAX} columns`);
    if (rows === 0) for (const name of cells) columns.push(newColumn(name.trim(), columns.length));
    else for (let at = 0; at < cells.length; at++) count((columns[at] ??= newColumn('', at)), cells[at].trim());
  });
  return { rows: Math.max(0, rows), columns: columns.map((column) => summarise(column, Math.max(0, rows))) };
}

/** The candidate that stands most often in the first record, outside quotes. */
function detectDelimiter(text) {
  const counts = new Map(DELIMITERS.map((candidate) => [candidate, 0]));
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    else if (quoted) continue;
    else if (character === '\n' || character === '\r') break;
    else if (counts.has(character)) counts.set(character, counts.get(character) + 1);
  }
  return DELIMITERS.reduce((best, candidate) => (counts.get(candidate) > counts.get(best) ? candidate : best));
}

/** Calls `visit` with the cells of each record; empty lines are no records. */
function readRecords(text, delimiter, visit) {
  let cells = [];
  let at = 0;
  while (at < text.length) {
    const cell = text[at] === '"' ? readQuoted(text, at, delimiter) : readPlain(text, at, delimiter);
    cells.push(cell.value);
    at = cell.end;
    if (text[at] === delimiter) {
      at += 1;
      if (at === text.length) cells.push('');
      if (at < text.length) continue;
    }
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    const isEmptyLine = cells.length === 1 && cells[0] === '' && !cell.quoted;
    if (!isEmptyLine) visit(cells);
    cells = [];
  }
}

function readPlain(text, start, delimiter) {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== '\n' && text[end] !== '\r') end += 1;
  return { value: text.slice(start, end), end, quoted: false };
}

/** A doubled quote stands for one; what follows the closing quote up to the delimiter is kept. */
function readQuoted(text, start, delimiter) {
  const parts = [];
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote === -1) throw new Error(`the quote opened at character ${start + 1} is never closed`);
    parts.push(text.slice(at, quote));
    at = quote + 1;
    if (text[at] !== '"') break;
    parts.push('"');
    at += 1;
  }
  const rest = readPlain(text, at, delimiter);
  return { value: parts.join('') + rest.value, end: rest.end, quoted: true };
}

function newColumn(name, at) {
  return {
    name: name === '' ? `column_${at + 1}` : name,
    count: 0,
    types: new Set(),
    distinct: new Set(),
    sum: 0,
    numberMin: Infinity,
    numberMax: -Infinity,
    textMin: null,
    textMax: null,
  };
}

function count(column, value) {
  if (MISSING.has(value)) return;
  column.count += 1;
  column.distinct.add(value);
  const type = typeOf(value);
  column.types.add(type);
  if (type === 'integer' || type === 'number') {
    const number = Number(value);
    column.sum += number;
    column.numberMin = Math.min(column.numberMin, number);
    column.numberMax = Math.max(column.numberMax, number);
  }
  if (column.textMin === null || value < column.textMin) column.textMin = value;
  if (column.textMax === null || value > column.textMax) column.textMax = value;
}

/** Digits with a leading zero are identifiers (postcodes, phone numbers), not numbers. */
function typeOf(value) {
  if (value.length > 64) return 'string';
  if (/^[+-]?(0|[1-9][0-9]*)$/.test(value)) return 'integer';
  if (/^[+-]?(0|[1-9][0-9]*)?\.?[0-9]+([eE][+-]?[0-9]+)?$/.test(value) && !/^[+-]?0[0-9]/.test(value)) {
    return Number.isFinite(Number(value)) ? 'number' : 'string';
  }
  if (/^(true|false)$/i.test(value)) return 'boolean';
  return /^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9:]+)?)?$/.test(value) ? 'date' : 'string';
}

function summarise(column, rows) {
  const type = columnType(column.types);
  const isNumeric = type === 'integer' || type === 'number';
  const isOrdered = type === 'string' || type === 'date';
  return {
    name: column.name,
    type,
    count: column.count,
    missing: rows - column.count,
    distinct: column.distinct.size,
    min: isNumeric ? column.numberMin : isOrdered ? column.textMin.slice(0, SHOWN_CHARS_MAX) : null,
    max: isNumeric ? column.numberMax : isOrdered ? column.textMax.slice(0, SHOWN_CHARS_MAX) : null,
    mean: isNumeric ? column.sum / column.count : null,
  };
}

function columnType(types) {
  if (types.size === 0) return 'empty';
  if (types.size === 1) return [...types][0];
  return types.size === 2 && types.has('integer') && types.has('number') ? 'number' : 'string';
}
