/** What the quickstart shows, one function a step. A step that cannot show what it says throws. */
import type { StoredEvent, VerifyReport } from '../../src/audit/record.ts';
import type { Readiness } from '../../src/api/readiness-watch.ts';
import type { Call } from '../../src/model/call.ts';
import type { NearestCall } from '../../src/model/decision.ts';
import type { Client } from './client.ts';
import { readDataset, readOwn } from './data.ts';
import { heading, line, lines, paint, request, table } from './print.ts';

/** Lines of a downloaded file that are shown. */
const previewLinesMax = 5;

export async function showTools(client: Client): Promise<void> {
  const { tools } = await client.get<{ tools: { name: string; title: string }[] }>('/v1/tools');
  heading(1, `${tools.length} tools that this key may use`);
  request('GET /v1/tools');
  table(
    ['tool', 'what it does'],
    tools.map(({ name, title }) => [name, title]),
  );
}

interface Profile {
  readonly rows: number;
  readonly columns: readonly Readonly<Record<string, string | number | null>>[];
}

export async function showCsvProfile(client: Client): Promise<void> {
  heading(2, 'A real CSV profiled in an isolate');
  request('POST /v1/calls  csv_profile {text: gapminder-health-income.csv}');
  const call = await client.call('csv_profile', { text: readDataset('gapminder-health-income.csv') });
  const { columns } = call.result as unknown as Profile;
  const shown = ['name', 'type', 'count', 'missing', 'distinct', 'min', 'max', 'mean'];
  table(
    ['column', ...shown.slice(1)],
    columns.map((column) => shown.map((field) => cell(column[field] ?? null))),
  );
  line(howItRan(call));
}

export async function showPython(client: Client): Promise<void> {
  heading(3, 'Python on a real file, in a container without network that lives for this one call');
  request('POST /v1/calls  python_run {code, files: [seattle-weather.csv]}');
  const call = await client.call('python_run', {
    code: readOwn('analysis.py'),
    files: [{ path: 'seattle-weather.csv', text: readDataset('seattle-weather.csv') }],
  });
  if (call.output.stdout === '') throw new Error('python_run printed nothing');
  lines(call.output.stdout);
  line(`result    ${JSON.stringify(call.result)}`);
  const [artifact] = call.artifacts;
  if (artifact === undefined) throw new Error('python_run left no artifact');
  line(`artifact  ${artifact.name}, ${artifact.sizeBytes} bytes, GET ${artifact.url}`);
  const text = await (await client.fetch('GET', artifact.url, 200)).text();
  if (Buffer.byteLength(text) !== artifact.sizeBytes) throw new Error('the artifact arrived incomplete');
  lines(text.split('\n').slice(0, previewLinesMax).join('\n'), (part) => paint('dim', `          ${part}`));
  line(howItRan(call));
}

export function showNoContainers(reason: string): void {
  heading(3, 'Python in a container: not shown');
  lines(reason, (part) => paint('yellow', part));
}

interface Denial {
  readonly code: string;
  readonly reasons: readonly string[];
  readonly nearest?: NearestCall;
}

/** `as`: an analyst, who may do less than the developer of the steps before. */
export async function showDenial(as: Client): Promise<void> {
  heading(4, 'An analyst asks for more than policy allows, and is told what would be allowed');
  const args = { text: 'city,rain\nSeattle,1226\n', delimiter: ':' };
  request(`POST /v1/calls  csv_profile ${JSON.stringify(args)}`);
  const denial = await as.post<Denial>('/v1/calls', { tool: 'csv_profile', args }, 403);
  if (denial.code !== 'policy_denied') throw new Error(`the denial came as ${denial.code}`);
  line(paint('red', `403 ${denial.code}`));
  for (const reason of denial.reasons) line(`reason   ${reason}`);
  const { nearest } = denial;
  if (nearest === undefined) throw new Error('the denial does not say what would be allowed');
  line(`nearest  ${nearest.text}`);
  for (const { pointer, allowed, suggested } of nearest.changes) {
    line(`         ${pointer}: ${allowed}; for example ${JSON.stringify(suggested)}`);
  }
  await as.call('csv_profile', nearest.args);
  request(`POST /v1/calls  csv_profile ${JSON.stringify(nearest.args)}`);
  line(paint('green', '200 succeeded'));
}

/** Joined when it runs: no source, this file included, holds anything that looks like a secret. */
const leak = `
const aws = ['AK', 'IA', 'Y34FZKBO', 'KMUTVV7A'].join('');
const github = ['ghp', 'zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq17'].join('_');
console.log('deploying with ' + aws);
return { region: 'eu-west-1', accessKeyId: aws, note: 'token ' + github + ' expires soon' };`;
const leaked = [/AKIA\w/, /ghp_\w/];

export async function showRedaction(client: Client): Promise<void> {
  heading(5, 'A tool returns secrets; they stay inside');
  request('POST /v1/calls  js_run {code that returns an AWS key and a GitHub token}');
  const call = await client.call('js_run', { code: leak });
  const answer = JSON.stringify(call);
  const findings = call.boundary?.findings ?? [];
  if (leaked.some((pattern) => pattern.test(answer)) || call.boundary?.verdict !== 'redacted') {
    throw new Error('the planted secrets came back');
  }
  line(`result   ${JSON.stringify(call.result)}`);
  line(`stdout   ${call.output.stdout.trimEnd()}`);
  table(
    ['detector', 'action', 'where', 'count', 'confidence'],
    findings.map(({ detector, action, where, count, confidence }) => [
      detector,
      action,
      where,
      String(count),
      confidence,
    ]),
  );
}

export async function showRecord(client: Client, since: string): Promise<void> {
  heading(6, 'All of this is on the record: each intent before it ran, each outcome before it left');
  request(`GET /v1/audit/events?order=asc&from=${since}`);
  const { items } = await client.get<{ items: StoredEvent[] }>(
    `/v1/audit/events?order=asc&limit=200&from=${since}`,
  );
  for (const type of ['intent', 'outcome', 'denied']) {
    if (!items.some((event) => event.type === type)) throw new Error(`the record holds no ${type}`);
  }
  table(
    ['time', 'event', 'who', 'what', 'rule', 'status', 'hash'],
    items.map((event) => [
      event.time.slice(11, 23),
      event.type,
      event.principal ?? '',
      event.tool ?? '',
      ruleOf(event),
      event.status ?? '',
      paint('dim', event.hash.replace('sha256:', '').slice(0, 10)),
    ]),
  );
  request('GET /v1/audit/verify');
  const report = await client.get<VerifyReport>('/v1/audit/verify');
  if (!report.valid) throw new Error(`the record does not verify: ${JSON.stringify(report.problems)}`);
  line(`${paint('green', 'valid')}  ${report.events} events, every hash follows from the one before`);
}

function ruleOf({ type, decision, details }: StoredEvent): string {
  const { policy, rule } = decision ?? details;
  if (typeof policy === 'string' && typeof rule === 'string') return `${policy}/${rule}`;
  return type === 'denied' ? 'no rule allows it' : '';
}

/** Why containers cannot run, or null when they can. */
export async function readMissingContainers(client: Client, setUpSaid: string): Promise<string | null> {
  const { dependencies } = await client.get<Readiness>('/ready');
  const container = dependencies.find(({ name }) => name === 'container');
  if (container?.state === 'ok' && setUpSaid === '') return null;
  return [setUpSaid, container?.reason ?? ''].filter((reason) => reason !== '').join('\n');
}

function howItRan({ runtime, usage }: Call): string {
  if (runtime === null || usage === null) throw new Error('the call does not say where it ran');
  const image = runtime.image === null ? '' : `, image ${runtime.image.replace('sha256:', '').slice(0, 12)}`;
  const memory = (usage.memoryPeakBytes / 1024 ** 2).toFixed(1);
  return paint(
    'dim',
    `ran in ${runtime.kind} (${runtime.confinement}${image}): ${usage.wallMs.toFixed(0)} ms, ${memory} MiB`,
  );
}

function cell(value: string | number | null): string {
  if (value === null) return '';
  return typeof value === 'number' && !Number.isInteger(value) ? value.toFixed(2) : String(value);
}
