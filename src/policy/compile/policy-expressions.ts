/** The expressions of one policy: its named conditions, and what is wrong with any of them, each mistake once. */
import type { Environment } from '@marcbachmann/cel-js';
import { checkSyntax, compileExpression, prepareText } from '../cel/compile-expression.ts';
import type {
  CompiledExpression,
  Expression,
  PlacedMistake,
  PlacedTaint,
  PreparedText,
  ResultType,
} from '../cel/compile-expression.ts';
import { reservedNames } from '../cel/inspect-expression.ts';
import { didYouMeanHint } from '../did-you-mean.ts';
import type { SourceDocument } from '../documents.ts';
import { escapePointer } from '../json-pointer.ts';
import type { Constants } from '../load/constants.ts';
import type { PolicyContext } from './compile-policy.ts';
import type { CompiledTool } from './compile-tool.ts';
import type { Findings } from './findings.ts';

/** Tools that one mistake names. */
const TOOLS_NAMED_MAX = 3;

interface Report {
  readonly isError: boolean;
  readonly pointer: string;
  readonly mistake: PlacedMistake;
  readonly tools: Set<string>;
}

export class PolicyExpressions {
  readonly #source: SourceDocument;
  readonly #findings: Findings;
  readonly #constants: Constants;
  readonly #taints: ReadonlySet<string> | null;
  /** By name. One with a mistake counts as `true` for the rest, so that it is reported once. */
  readonly #conditions = new Map<string, PreparedText>();
  readonly #usedConditions = new Set<string>();
  readonly #prepared = new Map<string, PreparedText>();
  /** By tool, wanted type and source: rules of one policy tend to share conditions. */
  readonly #compiled = new Map<string, CompiledExpression>();
  readonly #reports = new Map<string, Report>();

  constructor(
    source: SourceDocument,
    { constants, findings, taints }: Pick<PolicyContext, 'constants' | 'findings' | 'taints'>,
  ) {
    this.#source = source;
    this.#constants = constants;
    this.#findings = findings;
    this.#taints = taints;
  }

  /** Reads the policy's conditions; their types are checked where a rule uses them, for the tools that it means. */
  readConditions(conditions: Readonly<Record<string, string>>, environment: Environment | undefined): void {
    for (const [name, text] of Object.entries(conditions)) {
      const pointer = conditionPointer(name);
      if (reservedNames.has(name)) {
        const message = `"${name}" already means something else`;
        this.#findings.error(this.#source, pointer, message, 'choose another name');
        continue;
      }
      const prepared = prepareText(text, name, (path) => this.#constants.find(path));
      const syntax =
        environment === undefined || prepared.mistakes.length > 0 || prepared.isLost
          ? null
          : checkSyntax(prepared, environment);
      const mistakes = syntax === null ? prepared.mistakes : [syntax];
      for (const { offset, message, hint } of mistakes) {
        this.#findings.errorInText(this.#source, pointer, offset, message, hint);
      }
      const isUsable = mistakes.length === 0 && !prepared.isLost;
      this.#conditions.set(name, isUsable ? prepared : prepareText('true', name, () => null));
    }
  }

  /** The expression at `pointer` for one tool, or null after its mistakes were noted. */
  compile(tool: CompiledTool, text: string, pointer: string, result: ResultType): Expression | null {
    const { name } = tool.tool;
    const key = JSON.stringify([name, result, text]);
    let compiled = this.#compiled.get(key);
    if (compiled === undefined) {
      const context = { environment: tool.environment, input: tool.input };
      compiled = compileExpression(this.#prepare(text), context, this.#conditions, result);
      this.#compiled.set(key, compiled);
    }
    for (const condition of compiled.conditions) this.#usedConditions.add(condition);
    for (const mistake of compiled.mistakes) this.#report(true, pointer, mistake, name);
    for (const warning of compiled.warnings) this.#report(false, pointer, warning, name);
    for (const taint of compiled.taints) this.#checkTaint(pointer, taint);
    return compiled.expression;
  }

  /** Conditions that no rule or quota names. */
  unusedConditions(): readonly string[] {
    return [...this.#conditions.keys()].filter((name) => !this.#usedConditions.has(name));
  }

  /** Hands over what was noted, each mistake once with the tools that have it. */
  flush(): void {
    for (const { isError, pointer, mistake, tools } of this.#reports.values()) {
      const names = [...tools];
      const named = names.slice(0, TOOLS_NAMED_MAX).join(', ');
      const more = names.length > TOOLS_NAMED_MAX ? ` and ${names.length - TOOLS_NAMED_MAX} more` : '';
      const message = `${mistake.message} (for ${names.length > 1 ? 'tools' : 'tool'} ${named}${more})`;
      if (isError) this.#findings.errorInText(this.#source, pointer, mistake.offset, message, mistake.hint);
      else this.#findings.warnInText(this.#source, pointer, mistake.offset, message, mistake.hint);
    }
    this.#reports.clear();
  }

  #checkTaint(expressionPointer: string, { condition, offset, name }: PlacedTaint): void {
    const taints = this.#taints;
    if (taints === null || taints.has(name)) return;
    const pointer = placeOf(expressionPointer, condition);
    const hint = didYouMeanHint(name, taints) ?? `tools and boundary profiles set: ${[...taints].join(', ')}`;
    this.#findings.warnInText(this.#source, pointer, offset, `nothing sets the taint "${name}"`, hint);
  }

  #prepare(text: string): PreparedText {
    const known = this.#prepared.get(text);
    if (known !== undefined) return known;
    const prepared = prepareText(text, null, (path) => this.#constants.find(path));
    this.#prepared.set(text, prepared);
    return prepared;
  }

  #report(isError: boolean, expressionPointer: string, mistake: PlacedMistake, tool: string): void {
    const { condition, offset, message, hint } = mistake;
    const pointer = placeOf(expressionPointer, condition);
    const key = JSON.stringify([isError, pointer, offset, message, hint]);
    const known = this.#reports.get(key);
    if (known === undefined) this.#reports.set(key, { isError, pointer, mistake, tools: new Set([tool]) });
    else known.tools.add(tool);
  }
}

function placeOf(expressionPointer: string, condition: string | null): string {
  return condition === null ? expressionPointer : conditionPointer(condition);
}

function conditionPointer(name: string): string {
  return `/spec/conditions/${escapePointer(name)}`;
}
