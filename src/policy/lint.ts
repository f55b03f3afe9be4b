import type { PolicyProblem } from './problem.ts';

/** `file:line:column path message (hint)`, one a line; control characters of the input are made visible. */
export function formatProblems(problems: readonly PolicyProblem[]): string {
  return problems.map(formatProblem).join('\n');
}

export function formatProblem({ file, line, column, path, message, hint }: PolicyProblem): string {
  const parts = [`${file}:${line}:${column}`, path, message, hint === undefined ? '' : `(${hint})`];
  return visible(parts.filter((part) => part !== '').join(' '));
}

function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- finding control characters is the point
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
