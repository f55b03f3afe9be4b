import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Decision } from '../../src/model/decision.ts';
import type { JsonObject } from '../../src/model/json.ts';
import type { Principal } from '../../src/model/principal.ts';
import { decide } from '../../src/policy/decide.ts';
import { validateArgs } from '../../src/policy/validate.ts';
import { noSession } from '../../src/model/taint.ts';
import { compileText } from '../support/policy-directory.ts';

/** One file of `test/cases/policy`: documents, and what is decided under them. */
interface CaseFile {
  readonly documents: string;
  readonly cases: readonly Case[];
}
interface Case {
  readonly name: string;
  readonly principal: Partial<Principal>;
  readonly tool: string;
  readonly args?: JsonObject;
  readonly ip?: string;
  readonly time?: string;
  readonly taints?: readonly string[];
  readonly expect: Partial<Decision>;
  /** `effect policy/rule: yes|no`, in order. */
  readonly trace?: readonly string[];
}

const directory = 'test/cases/policy';

describe.each(readdirSync(directory))('%s', (file) => {
  const { documents, cases } = parse(readFileSync(path.join(directory, file), 'utf8')) as CaseFile;

  test.each(cases)(
    '$name',
    async ({ principal, tool, args = {}, ip, time, taints = [], expect: expected, trace }) => {
      const revision = await compileText(documents);
      const validated = revision.tools.has(tool)
        ? validateArgs(revision, { name: tool }, args)
        : { ok: true, args };
      if (!('args' in validated)) throw new Error('the arguments of this case are not valid');
      const decision = decide(revision, {
        principal: { id: 'ana', tenant: 'acme', roles: [], attributes: {}, ...principal },
        tool,
        args: validated.args,
        session: { ...noSession, taints },
        request: { ip: ip ?? '127.0.0.1', timeMs: Date.parse(time ?? '2030-01-01T12:00:00Z') },
      });
      expect(decision).toMatchObject(expected);
      if (trace === undefined) return;
      const lines = decision.trace.map(({ effect, policy, rule, matched }) => {
        return `${effect} ${policy}/${rule}: ${matched ? 'yes' : 'no'}`;
      });
      expect(lines).toEqual(trace);
    },
  );
});
