/** Runs `PolicyTest` documents against a revision: pure, no server, no clock. */
import type { Decision } from '../../model/decision.ts';
import type { Principal } from '../../model/principal.ts';
import { noSession } from '../../model/taint.ts';
import { decide } from '../decide.ts';
import type { PolicyTestResource, PolicyTestSpec, TestCall, TestCase } from '../documents.ts';
import type { Revision } from '../revision.ts';
import { validateArgs } from '../validate.ts';
import { findMismatches } from './find-mismatches.ts';
import type { Mismatch } from './find-mismatches.ts';

/** When a case does not say. */
const DEFAULT_NOW = '2030-01-01T12:00:00Z';
const DEFAULT_IP = '127.0.0.1';
const DEFAULT_TENANT = 'default';

/** What came of one call of a test. */
export type Outcome =
  | { readonly effect: 'invalid'; readonly errors: readonly string[] }
  | (Decision & { readonly errors?: undefined });

export interface TestedCall {
  readonly file: string;
  /** Where its expectation stands. */
  readonly line: number;
  readonly column: number;
  readonly name: string;
  readonly outcome: Outcome;
  /** Empty: passed. */
  readonly failures: readonly (Mismatch & { readonly line: number; readonly column: number })[];
}

/** Every call of every test, in order of file and place. */
export function runTests(revision: Revision, tests: readonly PolicyTestResource[]): readonly TestedCall[] {
  return tests.flatMap((test) =>
    test.spec.cases.flatMap((testCase, at) => runCase(revision, test, testCase, `/spec/cases/${at}`)),
  );
}

function runCase(
  revision: Revision,
  { spec, source }: PolicyTestResource,
  testCase: TestCase,
  pointer: string,
): readonly TestedCall[] {
  return callsOf(testCase, pointer).map(({ call, name, at }) => {
    const outcome = decideCase(revision, spec, testCase, call);
    const failures = findMismatches(call.expect, outcome).map((mismatch) => ({
      ...mismatch,
      ...source.locate(`${at}/expect/${mismatch.field}`),
    }));
    return { file: source.file, ...source.locate(`${at}/expect`), name, outcome, failures };
  });
}

function callsOf(
  { name, args, expect, each }: TestCase,
  pointer: string,
): readonly { readonly call: TestCall; readonly name: string; readonly at: string }[] {
  if (each !== undefined) {
    return each.map((call, at) => ({ call, name: `${name} (${at + 1})`, at: `${pointer}/each/${at}` }));
  }
  const call = { ...(args === undefined ? {} : { args }), expect: expect ?? {} };
  return [{ call, name, at: pointer }];
}

function decideCase(
  revision: Revision,
  spec: PolicyTestSpec,
  { principal, tool, session, ip = DEFAULT_IP, now = DEFAULT_NOW }: TestCase,
  { args = {} }: TestCall,
): Outcome {
  const validated = validateArgs(revision, { name: tool }, args);
  if (!validated.ok) {
    const errors = validated.errors.map(({ pointer, message }) => `${pointer || 'args'} ${message}`);
    return { effect: 'invalid', errors };
  }
  const request = { ip, timeMs: Date.parse(now) };
  return decide(revision, {
    principal: principalOf(spec, principal),
    tool,
    args: validated.args,
    session: { ...noSession, ...session },
    request,
  });
}

function principalOf({ principals }: PolicyTestSpec, named: TestCase['principal']): Principal {
  const given = typeof named === 'string' ? (principals?.[named] ?? {}) : named;
  const { id = typeof named === 'string' ? named : 'someone', tenant = DEFAULT_TENANT } = given;
  return { id, tenant, roles: given.roles ?? [], attributes: given.attributes ?? {} };
}
