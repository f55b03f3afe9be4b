import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/model/json.ts';
import { decide } from '../../src/policy/decide.ts';
import { noSession } from '../../src/model/taint.ts';
import { compileText, policyText, problemsOf } from '../support/policy-directory.ts';

const principal = { id: 'ana', tenant: 'acme', roles: ['a', 'b'], attributes: { level: 3, team: 'data' } };

/** Whether an allow rule with this condition matches. */
async function holds(when: string, args: JsonObject = {}, ip = '192.0.2.7'): Promise<boolean> {
  const revision = await compileText(
    policyText(`    - {name: r, effect: allow, tools: [example], when: ${JSON.stringify(when)}}`),
  );
  const call = {
    principal,
    tool: 'example',
    args: { code: 'x', ...args },
    session: noSession,
    request: { ip, timeMs: 1_900_000_000_000 },
  };
  return decide(revision, call).effect === 'allow';
}

/** The mistakes of one condition. */
async function mistakes(when: string): Promise<readonly string[]> {
  const problems = await problemsOf(
    policyText(`    - {name: r, effect: allow, tools: [example], when: ${JSON.stringify(when)}}`),
  );
  return problems.map((problem) => problem.replace(/^[0-9:]+ \/spec\/rules\/0\/when /, ''));
}

describe('conditions see', () => {
  test.each<[string, JsonObject, boolean]>([
    ['args.limit <= 100', { limit: 100 }, true],
    ['args.limit <= 100', { limit: 101 }, false],
    ['args.limit / 2 == 50', { limit: 101 }, true],
    ['!(args.limit > 100 || args.code == ")") && args.limit < 60', { limit: 50 }, true],
    ['(args.limit + 1) * 2 <= 102 && ((args.limit)) <= (50)', { limit: 50 }, true],
    ['args.ratio < 0.5', { ratio: 0.25 }, true],
    ['args.ratio >= 1', { ratio: 1 }, true],
    ['"x" in args.items', { items: ['x', 'y'] }, true],
    ['args.items.all(i, i.startsWith("a"))', { items: ['ab', 'b'] }, false],
    ['args.items.exists(i, ["a", "b"].exists(e, i == e))', { items: ['c', 'b'] }, true],
    ['size(args.items) == 2', { items: ['c', 'b'] }, true],
    ['args.open.count == 3', { open: { count: 3 } }, true],
    ['args.open.count in [1, 3]', { open: { count: 3 } }, true],
    ['has(args.open.count)', { open: {} }, false],
    ['!has(args.host) || args.host == "a"', {}, true],
    ['principal.id == "ana" && principal.tenant == tenant && "a" in principal.roles', {}, true],
    ['principal.attributes.level >= 3 && principal.attributes.team == "data"', {}, true],
    ['tool.name == "example" && "read" in tool.labels', {}, true],
    ['request.time > timestamp("2030-01-01T00:00:00Z")', {}, true],
    ['cidr("192.0.2.0/24").contains(ip(request.ip)) && cidr("192.0.2.0/24").contains(request.ip)', {}, true],
    ['cidr("fd00::/8").contains(request.ip)', {}, false],
    ['url(args.host).port == 443 && url(args.host).scheme == "https"', { host: 'https://a.test' }, true],
    ['url(args.host).path == "/b"', { host: 'https://a.test/a/../b?x' }, true],
    ['url(args.host).host == "::1"', { host: 'http://[0:0::1]:80/' }, true],
    ['args.code.matches("^x$")', {}, true],
    ['args.code.matches("^x$")', { code: 'x\n' }, false],
  ])('%s with %j: %s', async (when, args, expected) => {
    expect(await holds(when, args)).toBe(expected);
  });

  test('the address of a call inside the process as no address at all', async () => {
    expect(await holds('cidr("0.0.0.0/0").contains(ip(request.ip))', {}, 'local')).toBe(false);
  });
});

test.each([
  ['(a+)+$', `${'a'.repeat(100_000)}!`],
  ['(a|aa)*b', 'a'.repeat(100_000)],
  ['([a-z]+)*[0-9]', 'a'.repeat(100_000)],
])('a pattern that hangs a backtracking engine is linear here: %s', async (pattern, text) => {
  expect(await holds(`args.code.matches("${pattern}")`, { code: text })).toBe(false);
});

const noArgument = 'no such argument: give tools that take it a rule of their own';

describe('refused at load', () => {
  test.each([
    ['run.depth == 1', ['Unknown variable: run (for tool example) ("run" is not supported by this version)']],
    ['const.env.x == 1', ['unknown constant: no Constants document is named "env" (for tool example)']],
    ['session.taint == []', ['No such key: taint (for tool example) (did you mean "taints"?)']],
    ['arg.limit <= 1', ['Unknown variable: arg (for tool example) (did you mean "args"?)']],
    ['args.lmit <= 1', ['No such key: lmit (for tool example) (did you mean "limit"?)']],
    ['has(args.lmit)', ['No such key: lmit (for tool example) (did you mean "limit"?)']],
    ['args.cents <= 1', [`No such key: cents (for tool example) (${noArgument})`]],
    ['has(args.cents)', [`No such key: cents (for tool example) (${noArgument})`]],
    ['args.limit <= "1"', ['no such overload: int <= string (for tool example)']],
    ['args.code', ['must be a bool, is string (for tool example) (compare it, for example with == true)']],
    ['args.open.flag', ['must be a bool, is dyn (for tool example) (compare it, for example with == true)']],
    [
      'principal.name == "x"',
      ['No such key: name (for tool example) (known: id, tenant, roles, attributes)'],
    ],
    ['true &&', ['Unexpected token: EOF (for tool example)']],
    [
      'ip("1.2.3") == ip("1.2.3.4")',
      [
        'no such overload: Ip == Ip (for tool example)',
        'ip() needs an IPv4 or IPv6 address (for tool example)',
      ],
    ],
    [
      'cidr("10.0.0.0").contains(request.ip)',
      ['cidr() needs a range such as 10.0.0.0/8 or fd00::/8 (for tool example)'],
    ],
    [
      'args.code.matches("(?=a)")',
      [
        'not a pattern that matches in linear time (RE2): error parsing regexp: invalid or unsupported Perl syntax: `(?=` (for tool example)',
      ],
    ],
    ['args.limit.matches("a")', ['matches() works on strings (for tool example)']],
    [
      'cel.bind(x, args.limit, x > 1)',
      ['cel.bind() is not allowed (for tool example) (name the part under `conditions` instead)'],
    ],
  ])('%s', async (when, expected) => {
    expect(await mistakes(when)).toEqual(expected);
  });
});

describe('work that a caller could make unbounded is refused at load', () => {
  test.each([
    [
      'a list without maxItems',
      'args.many.exists(m, m == "x")',
      'goes over a list that the caller may make as long as it likes',
    ],
    [
      'the parts of a text',
      'args.code.split(",").exists(m, m == "x")',
      'goes over a list that the caller may make as long as it likes',
    ],
    [
      'the keys of an open object',
      'args.open.exists(k, k == "x")',
      'goes over a list that the caller may make as long as it likes',
    ],
    [
      'nesting beyond the steps',
      'args.items.exists(a, args.items.exists(b, args.items.exists(c, a == b && b == c)))',
      'up to 8000 steps, more than 1000',
    ],
    [
      'searching one hostile text for another',
      'args.code.contains(args.host)',
      'the text given to contains() must not come from args',
    ],
    [
      'searching for parts of a hostile list',
      'args.items.exists(i, args.code.indexOf(i) > 0)',
      'the text given to indexOf() must not come from args',
    ],
    [
      'a pattern from the caller',
      'args.code.matches(args.host)',
      'matches() needs a pattern written out here',
    ],
    [
      'a duration from the caller',
      'duration(args.code) > duration("1s")',
      'duration() needs a text written out here',
    ],
  ])('%s', async (_, when, expected) => {
    expect((await mistakes(when)).join('\n')).toContain(expected);
  });

  test('texts that policy writes may be searched for, and bounded lists nest', async () => {
    expect(await mistakes('args.items.exists(i, ["a", "b"].exists(e, i.contains(e)))')).toEqual([]);
    expect(await mistakes('args.items.exists(a, args.items.exists(b, a == b))')).toEqual([]);
  });

  test('an expression beyond the limits on size and depth', async () => {
    const wide = Array.from({ length: 900 }, () => 'true').join('&&');
    expect(await mistakes(wide)).toEqual([]);
    const list = `args.code in [${Array.from({ length: 2_001 }, () => '"x"').join(',')}]`;
    expect((await mistakes(list)).join()).toContain('Exceeded maxListElements (2000)');
    const deep = `${'('.repeat(60)}true${')'.repeat(60)}`;
    expect(await mistakes(deep)).toEqual(['Exceeded maxDepth (48) (for tool example)']);
  });
});

describe('named conditions', () => {
  function withConditions(conditions: string, when: string): string {
    return policyText(
      `    - {name: r, effect: allow, tools: [example], when: ${JSON.stringify(when)}}`,
      `  conditions:\n${conditions}\n`,
    );
  }
  const call = { principal, tool: 'example', session: noSession, request: { ip: '192.0.2.7', timeMs: 0 } };

  test('stand for their expression as a whole, comments included', async () => {
    const revision = await compileText(
      withConditions('    either: "args.limit == 1 || args.limit == 2 // two"', '!either'),
    );
    expect(decide(revision, { ...call, args: { code: 'x', limit: 2 } }).effect).toBe('deny');
    expect(decide(revision, { ...call, args: { code: 'x', limit: 3 } }).effect).toBe('allow');
  });

  test('are spelled out in the trace', async () => {
    const revision = await compileText(withConditions('    small: args.limit <= 1', 'small'));
    const decision = decide(revision, { ...call, args: { code: 'x', limit: 2 } });
    expect(decision.trace[0]?.reason).toBe('does not hold: small (where small is args.limit <= 1)');
  });

  test('may not name each other, so they cannot blow up', async () => {
    expect(await problemsOf(withConditions('    a: "true"\n    b: a && a', 'b'))).toEqual([
      '27:8 /spec/conditions/b Unknown variable: a (for tool example) (conditions cannot name each other: write it out)',
      '27:13 /spec/conditions/b Unknown variable: a (for tool example) (conditions cannot name each other: write it out)',
    ]);
    const long = `"${'true &&'.repeat(1_000)} true"`;
    const when = Array.from({ length: 20 }, () => 'long').join(' && ');
    expect((await problemsOf(withConditions(`    long: ${long}`, when))).join()).toContain(
      'longer than 65536 characters with its constants and conditions put in',
    );
  });

  test('may not take the name of a variable, and no inner variable may take theirs', async () => {
    expect(await problemsOf(withConditions('    session: "true"', 'true'))).toEqual([
      '26:14 /spec/conditions/session "session" already means something else (choose another name)',
    ]);
    expect(
      await problemsOf(
        withConditions('    small: "true"', 'small && args.items.exists(small, small == "x")'),
      ),
    ).toEqual([
      '28:84 /spec/rules/0/when "small" already means something else here (for tool example) (choose another name)',
    ]);
  });

  test('a mistake in one is reported at its own place, once', async () => {
    expect(await problemsOf(withConditions('    small: "args.limit <="', 'small'))).toEqual([
      '26:26 /spec/conditions/small Unexpected token: EOF',
    ]);
  });
});
