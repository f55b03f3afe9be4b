import type { Command } from 'commander';
import type { Call, CallError } from '../model/call.ts';
import type { JsonObject } from '../model/json.ts';
import { createClient } from './client.ts';
import { CommandFailed, RequestRefused } from './command-failed.ts';
import { quoted, readAssignments, readJsonObject, readTexts } from './json-argument.ts';
import { printable } from './output.ts';
import { withProgress } from './progress.ts';
import { repeatable } from './repeatable.ts';
import type { Output } from './output.ts';

interface CallOptions {
  readonly args?: string;
  readonly arg?: readonly string[];
  readonly timeoutMs?: string;
  readonly idempotencyKey?: string;
  readonly label?: readonly string[];
  readonly session?: string;
}

export function addCallCommand(program: Command, output: () => Output): void {
  program
    .command('call')
    .description('run a tool on the server')
    .argument('<tool>', 'name of the tool')
    .option('--args <json>', 'arguments as JSON, @file, or - for standard input')
    .addOption(
      repeatable('--arg <name=value>', 'one argument: JSON or text; name=@file takes the text of a file'),
    )
    .option('--timeout-ms <ms>', 'a narrower time limit')
    .option('--idempotency-key <key>', 'run at most once under this key')
    .option('--session <id>', 'run in this session of yours (ses_…)')
    .addOption(repeatable('--label <name=value>', 'by which the call is found again'))
    .action(async (tool: string, options: CallOptions) => {
      const body = {
        tool,
        args: readArguments(options),
        ...(options.timeoutMs === undefined ? {} : { limits: { timeoutMs: readTimeout(options.timeoutMs) } }),
        ...(options.session === undefined ? {} : { session: options.session }),
        ...(options.label === undefined ? {} : { labels: readTexts(options.label) }),
      };
      const headers =
        options.idempotencyKey === undefined ? {} : { 'Idempotency-Key': options.idempotencyKey };
      const client = createClient(process.env);
      const call = (await withProgress(`${tool} runs`, () =>
        client.request('POST', '/v1/calls', body, headers),
      ).catch((error: unknown) => {
        throw withHints(error, options.arg);
      })) as Call;
      const out = output();
      out.show(call, () => describeCall(call, out));
      if (call.status !== 'succeeded') process.exitCode = 1;
    });
}

function readArguments(options: CallOptions): JsonObject {
  const given = options.args === undefined ? {} : readJsonObject(options.args);
  return { ...given, ...readAssignments(options.arg) };
}

function readTimeout(text: string): number {
  if (!/^\d{1,9}$/.test(text) || Number(text) < 1)
    throw new CommandFailed(2, '--timeout-ms must be a whole number of milliseconds, at least 1.');
  return Number(text);
}

/** The server sees only that a value is no text, not that it was meant as one. */
function withHints(error: unknown, assignments: readonly string[] = []): unknown {
  if (!(error instanceof RequestRefused)) return error;
  const { problem, message } = error;
  const unfit = (problem.errors ?? []).filter(
    ({ keyword, message }) => keyword === 'type' && message.includes('string'),
  );
  const hints = unfit.flatMap(({ pointer }) => {
    const given = assignments.findLast((text) => `/${text}`.startsWith(`${pointer}=`));
    return given === undefined ? [] : [`\n  as text: --arg '${quoted(given)}'`];
  });
  return hints.length === 0 ? error : new RequestRefused(problem, `${message}${hints.join('')}`);
}

function describeResult({ approval, error, id, result, status }: Call, paint: Output['paint']): string {
  if (status === 'pending_approval' && approval !== null)
    return `Somebody has to approve this call (${approval.id}) before ${approval.expiresAt}. GET /v1/calls/${id} says what became of it.`;
  if (error === null) return printable(JSON.stringify(result, null, 2));
  return paint.bad(printable(describeError(error)));
}

/** A stack mostly says the error itself, at its beginning or, in Python, at its end. */
function describeError({ message, name, stack = '' }: CallError): string {
  const said = `${name}: ${message}`;
  if (stack === '') return said;
  return stack.includes(said) ? stack : `${said}\n${stack}`;
}

export function describeCall(call: Call, { paint }: Output): string {
  const status = call.status === 'succeeded' ? paint.good(call.status) : paint.bad(call.status);
  const spent =
    call.usage === null
      ? ''
      : paint.dim(
          ` · ${call.usage.wallMs} ms · ${call.runtime?.kind ?? ''} (${call.runtime?.confinement ?? ''})`,
        );
  const findings = (call.boundary?.findings ?? []).map(
    ({ detector, action, where }) => `${paint.bold('boundary')} ${action} ${detector} at ${printable(where)}`,
  );
  return [
    call.output.stdout === '' ? null : printable(call.output.stdout.trimEnd()),
    call.output.stderr === '' ? null : printable(call.output.stderr.trimEnd()),
    describeResult(call, paint),
    ...call.artifacts.map(
      ({ name, mediaType, sizeBytes, url }) =>
        `${paint.bold('artifact')} ${printable(name)} (${mediaType}, ${sizeBytes} bytes) ${url}`,
    ),
    ...findings,
    `${status} ${paint.dim(call.id)}${spent}`,
  ]
    .filter((line) => line !== null)
    .join('\n');
}
