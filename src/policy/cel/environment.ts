/** The language of policy expressions: CEL with typed variables, linear-time `matches`, and network values. */
import { Environment } from '@marcbachmann/cel-js';
import type { ASTNode } from '@marcbachmann/cel-js';
import { compileLinearPattern } from '../linear-pattern.ts';
import { CidrValue, IpValue, UrlValue } from './network-values.ts';
import { PrincipalValue, RequestValue, SessionValue, ToolValue } from './principal-values.ts';

/** Bounds on one parsed expression, named conditions included. */
const EXPRESSION_LIMITS = Object.freeze({
  maxAstNodes: 5_000,
  maxDepth: 48,
  maxListElements: 2_000,
  maxMapEntries: 200,
  maxCallArguments: 8,
});

/** Everything but `args`, whose type each tool declares for itself. */
export function createBaseEnvironment(): Environment {
  const environment = new Environment({
    unlistedVariablesAreDyn: false,
    homogeneousAggregateLiterals: true,
    enableOptionalTypes: false,
    limits: EXPRESSION_LIMITS,
  });
  declareNetwork(environment);
  declareVariables(environment);
  // The built-in `matches` compiles its pattern with the backtracking engine at every evaluation. A macro takes its
  // place for every receiver, whatever receiver type it is declared for; the receiver's type is checked below.
  environment.registerFunction('list.matches(ast): bool', expandMatches);
  return environment;
}

function declareNetwork(environment: Environment): void {
  const sync = { async: false };
  environment
    .registerType('Url', {
      ctor: UrlValue,
      fields: { scheme: 'string', host: 'string', port: 'int', path: 'string' },
    })
    .registerType('Ip', { ctor: IpValue, fields: {} })
    .registerType('Cidr', { ctor: CidrValue, fields: {} })
    .registerFunction('url(string): Url', { handler: (text: string) => new UrlValue(text), ...sync })
    .registerFunction('ip(string): Ip', { handler: (text: string) => new IpValue(text), ...sync })
    .registerFunction('cidr(string): Cidr', { handler: (text: string) => new CidrValue(text), ...sync })
    .registerFunction('Cidr.contains(Ip): bool', {
      handler: (range: CidrValue, ip: IpValue) => range.contains(ip),
      ...sync,
    })
    .registerFunction('Cidr.contains(string): bool', {
      handler: (range: CidrValue, text: string) => range.contains(new IpValue(text)),
      ...sync,
    });
}

/** Types of the members of variables, by the variable. */
export const variableFields = {
  principal: { id: 'string', tenant: 'string', roles: 'list<string>', attributes: 'map<string, dyn>' },
  tool: { name: 'string', labels: 'list<string>' },
  session: { taints: 'list<string>', callCount: 'int', ageMs: 'int' },
  request: { ip: 'string', time: 'google.protobuf.Timestamp' },
} as const;

function declareVariables(environment: Environment): void {
  environment
    .registerType('Principal', { ctor: PrincipalValue, fields: variableFields.principal })
    .registerType('ToolInfo', { ctor: ToolValue, fields: variableFields.tool })
    .registerType('Session', { ctor: SessionValue, fields: variableFields.session })
    .registerType('Request', { ctor: RequestValue, fields: variableFields.request })
    .registerVariable('principal', 'Principal')
    .registerVariable('tenant', 'string')
    .registerVariable('tool', 'ToolInfo')
    .registerVariable('session', 'Session')
    .registerVariable('request', 'Request');
}

interface MacroCall {
  readonly receiver: ASTNode;
  readonly args: readonly ASTNode[];
}
interface Checker {
  check(node: ASTNode, context: unknown): { readonly type: string; readonly kind: string };
  createError(code: string, message: string, node: ASTNode): Error;
  getType(name: string): unknown;
}
interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
}

/** `text.matches('pattern')`: true when the pattern is found anywhere in the text. The pattern must be a literal. */
function expandMatches({ receiver, args }: MacroCall): object {
  const literal = args[0]?.op === 'value' ? args[0].args : null;
  const pattern = typeof literal === 'string' ? compilePattern(literal) : null;
  return {
    async: false,
    typeCheck(checker: Checker, _macro: unknown, context: unknown) {
      const type = checker.check(receiver, context);
      if (type.type !== 'string' && type.kind !== 'dyn') {
        throw checker.createError('no_matching_overload', 'matches() works on strings', receiver);
      }
      return checker.getType('bool');
    },
    evaluate(evaluator: Evaluator, _macro: unknown, context: unknown) {
      const text = evaluator.run(receiver, context);
      if (pattern === null || typeof text !== 'string') throw new Error('matches() works on strings');
      return pattern.test(text);
    },
  };
}

/** Null for a pattern that does not compile; `check-expression.ts` reports it at its place. */
function compilePattern(literal: string): { test(text: string): boolean } | null {
  try {
    return compileLinearPattern(literal);
  } catch {
    return null;
  }
}
