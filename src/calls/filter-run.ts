/** What a run yielded → what may leave: a status, and content that went through the boundary. Fails closed. */
import type { FilteredOutput, ToolOutput } from '../boundary/boundary.ts';
import { isFailure } from '../boundary/threads/filter-failure.ts';
import type { ExitReason } from '../execution/executor.ts';
import type { CallError, CallStatus, RuntimeReport, Truncation } from '../model/call.ts';
import type { BoundaryReport } from '../model/finding.ts';
import type { JsonValue } from '../model/json.ts';
import { validateOutput } from '../policy/validate.ts';
import type { BegunCall } from './begin-call.ts';
import { parseBoundedJson, resultJsonCaps } from './bounded-json.ts';
import type { CallContext } from './call-context.ts';
import { boundaryProfiles } from './check-arguments.ts';
import { joinReports } from './join-reports.ts';
import type { LiveOutput, LivePrints, PrintStream } from './live-output.ts';
import { logDecoys } from './decoy-alert.ts';
import { mediaTypeOf } from './media-type.ts';
import type { Run, RunResult } from './run-call.ts';

export interface FilteredRun {
  readonly status: CallStatus;
  readonly content: Omit<FilteredOutput, 'report' | 'blocked'>;
  readonly boundary: BoundaryReport;
  readonly runtime: RuntimeReport | null;
  readonly startedAfterMs: number;
  readonly truncated: readonly Truncation[];
  /** Prints that left while the call ran, where its profiles let them; null where they wait for the outcome. */
  readonly left: Readonly<Record<PrintStream, LeftEarly>> | null;
  readonly used: {
    readonly wallMs: number;
    readonly cpuMs: number;
    readonly memoryPeakBytes: number;
    readonly outputBytes: number;
    /** Of all that it left, also where the filter held some of it back. */
    readonly artifactBytes: number;
  } | null;
}

/** `digest` is keyed: it proves what left to whoever has the key and the text, and tells others nothing. */
export type LeftEarly = Readonly<{ bytes: number; digest: string }>;

type EndedRun = Exclude<Run, { kind: 'not_started' }>;

const noContent = { result: null, error: null, stdout: '', stderr: '', artifacts: [] } as const;
const notScanned: BoundaryReport = { verdict: 'clean', findings: [], scanned: [] };

export async function filterRun(
  context: CallContext,
  begun: BegunCall,
  run: EndedRun,
  live: LiveOutput | null,
): Promise<FilteredRun> {
  if (run.kind === 'lost') return lostRun(context, begun, run.error, live);
  const left = live === null ? null : leftEarly(context, live.close());
  const ended = interpret(begun, run.run);
  const whole = await applyBoundary(context, begun, ended.content);
  const filtered = live === null ? whole : await asItLeft(whole, live);
  for (const finding of filtered.report.findings)
    context.metrics.findingMade(finding.detector, finding.action);
  logDecoys(context, filtered.report.findings, { callId: begun.callId, tool: begun.tool.name });
  const { report, blocked, ...content } = filtered;
  const { usage } = run.run;
  return {
    status: blocked ? 'blocked' : ended.status,
    content: blocked ? noContent : content,
    boundary: report,
    runtime: run.run.runtime,
    startedAfterMs: run.run.startedAfterMs,
    truncated: usage?.truncated ?? [],
    left,
    used: usage === null ? null : { ...usage, artifactBytes: bytesOf(run.run.artifacts) },
  };
}

function bytesOf(artifacts: RunResult['artifacts']): number {
  return artifacts.reduce((bytes, { data }) => bytes + data.length, 0);
}

/** Whether it ran to its end is not known, and what it yielded is gone. */
export async function lostRun(
  context: CallContext,
  begun: BegunCall,
  error: Error,
  live: LiveOutput | null,
): Promise<FilteredRun> {
  context.logger.error({ err: error, callId: begun.callId }, 'call lost');
  const left = live === null ? null : leftEarly(context, live.close());
  // What left was filtered, and may taint whoever read it.
  const ends = await live?.end();
  const boundary = ends === undefined ? notScanned : joinReports(ends.stdout.report, ends.stderr.report);
  const shown = {
    name: 'Lost',
    message: 'The server lost this call while it ran; whether it ran to its end is not known.',
  };
  return {
    status: 'unknown',
    content: { ...noContent, error: shown },
    boundary,
    runtime: null,
    startedAfterMs: 0,
    truncated: [],
    left,
    used: null,
  };
}

/**
 * What left early is part of the output, so the streams are taken as the stream filter gave them. The whole decides
 * all the same: what is split over both streams is seen in it alone.
 */
async function asItLeft(whole: FilteredOutput, live: LiveOutput): Promise<FilteredOutput> {
  const { stdout, stderr } = await live.end();
  return {
    ...whole,
    stdout: stdout.text,
    stderr: stderr.text,
    blocked: whole.blocked || stdout.blocked || stderr.blocked,
    report: [stdout.report, stderr.report, whole.report].reduce(joinReports),
  };
}

function leftEarly(context: CallContext, { stdout, stderr }: LivePrints): FilteredRun['left'] {
  const measure = (text: string): LeftEarly => ({
    bytes: Buffer.byteLength(text),
    digest: `hmac-sha256:${context.fingerprint(text)}`,
  });
  return { stdout: measure(stdout), stderr: measure(stderr) };
}

/** A filter that fails withholds everything: the report is then blocked, and says so. */
async function applyBoundary(
  context: CallContext,
  begun: BegunCall,
  content: ToolOutput,
): Promise<FilteredOutput> {
  const filtered = await context.filter.filterOutput(
    content,
    boundaryProfiles(begun.revision, begun.decided),
    begun.caller.principal.tenant,
  );
  const failure = filtered.report.findings.find(({ detector }) => isFailure(detector));
  if (failure !== undefined)
    context.logger.error(
      { callId: begun.callId, reason: failure.detector },
      'the boundary failed, result withheld',
    );
  return filtered;
}

const statusByExit: Readonly<Record<ExitReason, CallStatus>> = {
  completed: 'succeeded',
  threw: 'failed',
  timed_out: 'timed_out',
  out_of_memory: 'out_of_memory',
  output_limit: 'output_limit',
  cancelled: 'cancelled',
  crashed: 'crashed',
};

function interpret(begun: BegunCall, run: RunResult): { status: CallStatus; content: ToolOutput } {
  const rest = {
    stdout: run.stdout,
    stderr: run.stderr,
    artifacts: run.artifacts.map(({ name, data }) => ({ name, mediaType: mediaTypeOf(name), data })),
  };
  if (run.exit.reason !== 'completed') {
    return {
      status: statusByExit[run.exit.reason],
      content: { ...rest, result: null, error: run.exit.error },
    };
  }
  const failed = (error: CallError): { status: CallStatus; content: ToolOutput } => ({
    status: 'failed',
    content: { ...rest, result: null, error },
  });
  const parsed = parseBoundedJson(run.result, resultJsonCaps);
  if (!parsed.ok) return failed({ name: 'ResultInvalid', message: `The result ${parsed.message}.` });
  const validation = validateOutput(begun.revision, begun.tool, parsed.value);
  if (!validation.ok) {
    const [first] = validation.errors;
    return failed({
      name: 'OutputInvalid',
      message: `${first?.pointer || 'the result'}: ${first?.message ?? 'does not fit the output schema'}`,
    });
  }
  return { status: 'succeeded', content: { ...rest, result: parsed.value satisfies JsonValue, error: null } };
}
