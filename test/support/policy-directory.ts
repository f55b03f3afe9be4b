import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compile } from '../../src/policy/compile/compile.ts';
import type { CompileResult } from '../../src/policy/compile/compile.ts';
import { formatProblems } from '../../src/policy/lint.ts';
import type { Revision } from '../../src/policy/revision.ts';

export const knownDetectors = ['known-secret', 'private-key', 'sallyport-key', 'github-pat'];

/** Writes files into a directory of their own for the length of `use`. */
export async function withPolicyDirectory<T>(
  files: Readonly<Record<string, string>>,
  use: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(path.join(tmpdir(), 'sallyport-policy-'));
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
      await writeFile(path.join(directory, name), text);
    }
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export function compileFiles(files: Readonly<Record<string, string>>): Promise<CompileResult> {
  return withPolicyDirectory(files, (directory) => compile({ directories: [directory], knownDetectors }));
}

/** The revision of one YAML text; fails with every problem when there is one. */
export async function compileText(
  text: string,
  others: Readonly<Record<string, string>> = {},
): Promise<Revision> {
  const result = await compileFiles({ 'policy.yaml': text, ...others });
  if (!result.ok) throw new Error(formatProblems(result.problems));
  return result.revision;
}

/** The problems of one YAML text, as `line:column path message (hint)`. */
export async function problemsOf(
  text: string,
  others: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const result = await compileFiles({ 'policy.yaml': text, ...others });
  return (result.ok ? [] : result.problems).map(({ line, column, path: pointer, message, hint }) => {
    const parts = [`${line}:${column}`, pointer, message, hint === undefined ? '' : `(${hint})`];
    return parts.filter((part) => part !== '').join(' ');
  });
}

/** A tool that takes `limit` (integer, default 100), `host?` and `items?` and runs the caller's code. */
export const exampleTool = `
apiVersion: sallyport/v1
kind: Tool
metadata: {name: example, labels: [read]}
spec:
  input:
    type: object
    additionalProperties: false
    required: [code]
    properties:
      code: {type: string}
      limit: {type: integer, minimum: 0, maximum: 1000, default: 100}
      host: {type: string}
      ratio: {type: number}
      items: {type: array, maxItems: 20, items: {type: string}}
      many: {type: array, items: {type: string}}
      open: {type: object}
  runtime: {kind: isolate}
`;

export function policyText(rules: string, more = ''): string {
  return `${exampleTool}---
apiVersion: sallyport/v1
kind: Policy
metadata: {name: p}
spec:
  subjects: [{}]
${more}  rules:
${rules}
`;
}
