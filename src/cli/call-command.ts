import type { Command } from 'commander';
import type { Call } from '../model/call.ts';
import type { JsonObject } from '../model/json.ts';
import { createClient } from './client.ts';
import { CommandFailed } from './command-failed.ts';
import { readAssignments, readJsonObject } from './json-argument.ts';
import { printable } from './output.ts';
import { withProgress } from './progress.ts';
import { repeatable } from './repeatable.ts';
import type { Output } from './output.ts';

interface CallOptions {
  readonly args?: string;
  readonly arg?: readonly string[];
  readonly timeoutMs?: string;
  readonly idempotencyKey?: string;
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
    .action(async (tool: string, options: CallOptions) => {
      const body = {
        tool,
        args: readArguments(options),
        ...(options.timeoutMs === undefined ? {} : { limits: { timeoutMs: readTimeout(options.timeoutMs) } }),
      };
      const headers =
        options.idempotencyKey === undefined ? {} : { 'Idempotency-Key': options.idempotencyKey };
      const client = createClient(process.env);
      const call = (await withProgress(`${tool} runs`, () =>
        client.request('POST', '/v1/calls', body, headers),
      )) as Call;
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
    throw new CommandFailed(2, '--timeout-ms must be a whole number of milliseconds.');
  return Number(text);
}

function describeResult({ approval, error, id, result, status }: Call, paint: Output['paint']): string {
  if (status === 'pending_approval' && approval !== null)
    return `Somebody has to approve this call (${approval.id}) before ${approval.expiresAt}. GET /v1/calls/${id} says what became of it.`;
  if (error === null) return printable(JSON.stringify(result, null, 2));
  const { name, message, stack } = error;
  return paint.bad(printable(`${name}: ${message}${stack === undefined ? '' : `\n${stack}`}`));
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
