import type { TestedCall } from './run-tests.ts';

/** The tests as JUnit XML (the `testsuites` format that CI systems read): one suite a file, one case a call. */
export function junitReport(calls: readonly TestedCall[]): string {
  const suites = [...Map.groupBy(calls, ({ file }) => file)].map(([file, inFile]) => suite(file, inFile));
  const failed = calls.filter(({ failures }) => failures.length > 0).length;
  const head = `<testsuites name="sallyport policy test" tests="${calls.length}" failures="${failed}">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${head}\n${suites.join('\n')}\n</testsuites>\n`;
}

function suite(file: string, calls: readonly TestedCall[]): string {
  const failed = calls.filter(({ failures }) => failures.length > 0).length;
  return [
    `  <testsuite name="${escape(file)}" tests="${calls.length}" failures="${failed}">`,
    ...calls.map(testcase),
    '  </testsuite>',
  ].join('\n');
}

function testcase({ file, line, name, failures }: TestedCall): string {
  const head = `    <testcase name="${escape(name)}" classname="${escape(file)}" file="${escape(file)}" line="${line}"`;
  if (failures.length === 0) return `${head}/>`;
  const lines = failures.map(
    (failure) => `${file}:${failure.line}:${failure.column} ${describeMismatch(failure)}`,
  );
  const failure = `      <failure message="${escape(lines[0] ?? '')}">${escape(lines.join('\n'))}</failure>`;
  return `${head}>\n${failure}\n    </testcase>`;
}

/** `effect: expected allow, decided deny`. */
export function describeMismatch({
  field,
  expected,
  actual,
}: Pick<TestedCall['failures'][number], 'field' | 'expected' | 'actual'>): string {
  return `${field}: expected ${expected}, decided ${actual}`;
}

/** XML 1.0 knows no control characters but tab and line breaks, and no lone surrogates. */
function escape(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\n', '&#10;');
}
