/** A number of a person as systems and people print it. */
import type { JsonValue } from '../../../../src/model/json.ts';
import type { Random } from '../random.ts';

export interface NumberSetting {
  readonly name: string;
  /** Whether what the number is called stands beside it. */
  readonly namesIt: boolean;
  readonly print: (written: string, called: string, random: Random) => string | JsonValue;
  /** Undoes what `print` does to the number, so that it can be looked for in what is left. */
  readonly read?: (left: string) => string;
}

const words = (called: string) => called.toLowerCase().match(/[\p{L}\p{M}\p{N}]+/gu) ?? [];
const snake = (called: string) => words(called).join('_');
const camel = (called: string) =>
  words(called)
    .map((word, at) => (at === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
    .join('');
/** As programs call it: alone, or of somebody. */
const owned = (called: string, random: Random) =>
  random.pick([called, `customer ${called}`, `${called} value`]);

const noBreakSpaces = (written: string) => written.replaceAll(' ', '\u00a0');
/** Of an address a hyphen stays what it is. */
const withDashes = (written: string, dash: string) =>
  written.includes('@') ? written : written.replaceAll('-', dash);

const programs: readonly NumberSetting[] = [
  { name: 'bare', namesIt: false, print: (written) => written },
  {
    name: 'JSON result',
    namesIt: true,
    print: (written, called) => ({ status: 200, person: { [called]: written, active: true } }),
  },
  {
    name: 'JSON result, camel case',
    namesIt: true,
    print: (written, called, random) => [{ id: 7, [camel(owned(called, random))]: written, city: 'Turin' }],
  },
  {
    name: 'JSON result, list under a key',
    namesIt: true,
    print: (written, called) => ({ [snake(called)]: [written, 'none'] }),
  },
  {
    name: 'JSON text',
    namesIt: true,
    print: (written, called, random) =>
      JSON.stringify({ id: 7, [snake(owned(called, random))]: written, active: true }, null, 2),
  },
  {
    name: 'JSON in a log line',
    namesIt: true,
    print: (written, called, random) =>
      JSON.stringify({
        level: 30,
        time: 1_764_000_000_000 + random.below(1_000_000),
        msg: `saved ${JSON.stringify({ [camel(called)]: written })}`,
      }),
  },
  {
    name: 'log line, key=value',
    namesIt: true,
    print: (written, called, random) =>
      `2026-11-24T09:12:44.120Z INFO kyc id=${random.text('d', 6)} ${snake(called)}=${written} took=31ms\n`,
  },
  {
    name: 'log line, columns',
    namesIt: false,
    print: (written, _, random) =>
      `2026-11-24 09:12:44 17 ${written} 200 ${random.text('d', 2)} ms\n2026-11-24 09:12:45 17 - 404 2 ms\n`,
  },
  {
    name: 'log line, capitals and numbers beside',
    namesIt: true,
    print: (written, called) => `250 OK ${called} ${written} OK 17 ACCEPTED EUR 120\n`,
  },
  {
    name: 'CSV row',
    namesIt: false,
    print: (written, _, random) =>
      `id,name,value,created\n${random.text('d', 5)},Ada Lovelace,${written},2026-11-24\n`,
  },
  {
    name: 'CSV row with semicolons, quoted',
    namesIt: false,
    print: (written, _, random) => `${random.text('d', 5)};"Lovelace";"${written}";"2026-11-24"\r\n`,
  },
  {
    name: 'tab-separated row',
    namesIt: false,
    print: (written, _, random) => `${random.text('d', 5)}\tAda\t${written}\t2026-11-24\t17\n`,
  },
  {
    name: 'fixed-width row',
    namesIt: false,
    print: (written, _, random) => `${random.text('d', 5)}  ADA LOVELACE   ${written}   2026-11-24  17\n`,
  },
  {
    name: 'source code',
    namesIt: true,
    print: (written, called, random) =>
      `import { save } from './people';\n\nconst ${camel(owned(called, random))} = '${written}';\n`,
  },
  {
    name: 'SQL insert',
    namesIt: false,
    print: (written) => `INSERT INTO people VALUES (1017, 'Ada', '${written}', '2026-11-24', 17);\n`,
  },
  {
    name: 'SQL condition',
    namesIt: true,
    print: (written, called) => `SELECT * FROM people WHERE ${snake(called)} = '${written}' LIMIT 1;\n`,
  },
  {
    name: 'Python repr',
    namesIt: true,
    print: (written, called) => `{'name': 'Ada', '${snake(called)}': '${written}', 'age': 36}`,
  },
  {
    name: 'YAML',
    namesIt: true,
    print: (written, called, random) =>
      `person:\n  name: Ada\n  ${snake(owned(called, random))}: ${written}\n  age: 36\n`,
  },
  {
    name: 'XML',
    namesIt: true,
    print: (written, called) =>
      `<person><id>7</id><${camel(called)}>${written}</${camel(called)}><age>36</age></person>`,
  },
  {
    name: 'URL query, percent-encoded',
    namesIt: true,
    print: (written, called) =>
      `GET https://api.people.test/v1/people?limit=10&${encodeURIComponent(snake(called))}=${encodeURIComponent(written)}&sort=asc 200\n`,
    read: decodeURIComponent,
  },
];

const people: readonly NumberSetting[] = [
  {
    name: 'prose',
    namesIt: true,
    print: (written, called) =>
      `Thanks for calling. Her ${called} is ${written}. She will write to us on Monday.`,
  },
  {
    name: 'prose, in brackets',
    namesIt: true,
    print: (written, called) => `Ada Lovelace (${called} ${written}) moved in 2024.`,
  },
  {
    name: 'list with dashes',
    namesIt: true,
    print: (written, called) => `- Ada Lovelace - ${called} - ${written} - 2026\n- Bob - none - 2026\n`,
  },
  {
    name: 'form',
    namesIt: true,
    print: (written, called) => `Name:     Ada Lovelace\n${called}:     ${written}\nDate:     2026-11-24\n`,
  },
  {
    name: 'form, number below its name',
    namesIt: true,
    print: (written, called) => `Name\nAda Lovelace\n${called}\n${written}\nDate\n2026-11-24\n`,
  },
  {
    name: 'form, spaces that do not break',
    namesIt: true,
    print: (written, called) =>
      `Name:\u00a0Ada\n${called}:\u00a0${noBreakSpaces(written)}\u00a0\nAge:\u00a036\n`,
  },
  {
    name: 'typeset, narrow spaces and hyphens that do not break',
    namesIt: true,
    print: (written, called) =>
      `${called}\u202f: ${withDashes(written, '\u2011').replaceAll(' ', '\u202f')}\n`,
  },
  {
    name: 'typeset, dashes for hyphens',
    namesIt: true,
    print: (written, called) => `${called} ${withDashes(written, '\u2013')}, 2026\n`,
  },
  {
    name: 'HTML table cell',
    namesIt: true,
    print: (written, called) =>
      `<tr><th scope="row">${called}</th><td class="num">${written}</td></tr><tr><td>17</td></tr>`,
  },
  {
    name: 'HTML, spaces as entities',
    namesIt: true,
    print: (written, called) => `<p>${called}:&nbsp;${written.replaceAll(' ', '&nbsp;')}</p>`,
  },
  {
    name: 'Markdown table',
    namesIt: true,
    print: (written, called) => `| field | value |\n|---|---|\n| ${called} | ${written} |\n| age | 36 |\n`,
  },
  {
    name: 'Markdown, bold name and code',
    namesIt: true,
    print: (written, called) => `- **${called}**: \`${written}\`\n- **Age**: 36\n`,
  },
];

const others: readonly NumberSetting[] = [
  {
    name: 'psql, expanded',
    namesIt: true,
    print: (written, called) =>
      `-[ RECORD 1 ]-+----------\nid             | 1017\n${snake(called).padEnd(15)}| ${written}\ncreated        | 2026-11-24 09:12:44+00\n`,
  },
  {
    name: 'psql, columns',
    namesIt: false,
    print: (written) => ` 1017 | Ada  | ${written} | 2026-11-24 09:12:44.120+00 |  17\n(1 row)\n`,
  },
  {
    name: 'HTML input',
    namesIt: true,
    print: (written, called) =>
      `<label for="f7">${called}</label><input id="f7" type="text" maxlength="40" value="${written}">`,
  },
  {
    name: 'XML attribute',
    namesIt: true,
    print: (written, called) => `<person id="7" ${camel(called)}="${written}" age="36"/>`,
  },
  {
    name: 'env file, quoted',
    namesIt: true,
    print: (written, called) => `PORT=8080\nTEST_${snake(called).toUpperCase()}="${written}"\nDEBUG=1\n`,
  },
  {
    name: 'coloured log',
    namesIt: true,
    print: (written, called) =>
      `\u001b[32mINFO\u001b[0m saved \u001b[1m${called}\u001b[0m=\u001b[36m${written}\u001b[0m 17 ms\n`,
  },
  {
    name: 'stack trace',
    namesIt: true,
    print: (written, called) =>
      `Error: invalid ${called} "${written}"\n    at check (/app/node_modules/kyc/check.js:118:13)\n    at async main (/app/index.js:9:3)\n`,
  },
  {
    name: 'chat',
    namesIt: true,
    print: (written, called) => `[09:12] ada: my ${called}? ${written}, why\n[09:13] bob: thx 👍\n`,
  },
  {
    name: 'e-mail, quoted',
    namesIt: true,
    print: (written, called) => `On Tue, 24 Nov 2026 Ada wrote:\n> ${called} - ${written}\n>\n> Best, Ada\n`,
  },
  {
    name: 'JSON result, name and value',
    namesIt: true,
    print: (written, called) => ({
      fields: [
        { label: called, value: written },
        { label: 'Age', value: 36 },
      ],
    }),
  },
  {
    name: 'JSON result, sentence',
    namesIt: true,
    print: (written, called) => ({
      role: 'user',
      content: `Please update my ${called} to ${written}, thanks!`,
    }),
  },
  {
    name: 'LaTeX',
    namesIt: true,
    print: (written, called) => `\\textbf{${called}}: ${written} \\\\ \\hline\n`,
  },
];

export const numberSettings: readonly NumberSetting[] = [...programs, ...people, ...others];
