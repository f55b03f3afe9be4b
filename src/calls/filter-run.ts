/** What a run yielded → what may leave: a status, and content that went through the boundary. Fails closed. */
import type { FilteredOutput, ToolOutput } from '../boundary/boundary.ts';
import type { ExitReason } from '../execution/executor.ts';
import type { CallError, CallStatus, RuntimeReport, Truncation } from '../model/call.ts';
import type { BoundaryReport } from '../model/finding.ts';
import type { JsonValue } from '../model/json.ts';
import { validateOutput } from '../policy/validate.ts';
import type { BegunCall } from './begin-call.ts';
import { parseBoundedJson, resultJsonCaps } from './bounded-json.ts';
import type { CallContext } from './call-context.ts';
import { boundaryProfiles } from './check-arguments.ts';
import { logDecoys } from './decoy-alert.ts';
import { mediaTypeOf } from './media-type.ts';
import type { Run, RunResult } from './run-call.ts';

export interface FilteredRun {
  readonly status: CallStatus;
  readonly content: Omit<FilteredOutput, 'report' | 'blocked'>;
  readonly boundary: BoundaryReport;
  readonly runtime: RuntimeReport | null;
  readonly truncated: readonly Truncation[];
  readonly used: {
    readonly wallMs: number;
    readonly cpuMs: number;
    readonly memoryPeakBytes: number;
    readonly outputBytes: number;
  } | null;
}

type EndedRun = Exclude<Run, { kind: 'not_started' }>;

const noContent = { result: null, error: null, stdout: '', stderr: '', artifacts: [] } as const;
const notScanned: BoundaryReport = { verdict: 'clean', findings: [], scanned: [] };

export function filterRun(context: CallContext, begun: BegunCall, run: EndedRun): FilteredRun {
  if (run.kind === 'lost') {
    context.logger.error({ err: run.error, callId: begun.callId }, 'call lost');
    const error = {
      name: 'Lost',
      message: 'The server lost this call while it ran; whether it ran to its end is not known.',
    };
    const content = { ...noContent, error };
    return { status: 'unknown', content, boundary: notScanned, runtime: null, truncated: [], used: null };
  }
  const ended = interpret(begun, run.run);
  const filtered = applyBoundary(context, begun, ended.content);
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
    truncated: usage?.truncated ?? [],
    used: usage,
  };
}

/** A filter that fails withholds everything. */
function applyBoundary(context: CallContext, begun: BegunCall, content: ToolOutput): FilteredOutput {
  try {
    return context.boundary.filterOutput(content, boundaryProfiles(begun.revision, begun.decided));
  } catch (error) {
    context.logger.error({ err: error, callId: begun.callId }, 'the boundary failed, result withheld');
    const finding = {
      detector: 'boundary-failure',
      action: 'block',
      where: '',
      count: 1,
      confidence: 'high',
      via: [],
    } as const;
    return { ...noContent, blocked: true, report: { verdict: 'blocked', findings: [finding], scanned: [] } };
  }
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
