/** JSON given on the command line: as it is, from a file (`@path`), or from standard input (`-`). */
import { readFileSync } from 'node:fs';
import { CommandFailed } from './command-failed.ts';
import { reasonOf } from './reason-of.ts';
import type { JsonObject, JsonValue } from '../model/json.ts';

export function readJsonObject(text: string): JsonObject {
  const source =
    text === '-'
      ? read(0, 'standard input')
      : text.startsWith('@')
        ? read(text.slice(1), text.slice(1))
        : text;
  let value: JsonValue;
  try {
    value = JSON.parse(source) as JsonValue;
  } catch (error) {
    throw new CommandFailed(2, `--args is not valid JSON: ${reasonOf(error)}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CommandFailed(2, '--args must be a JSON object.');
  return value;
}

/** `name=value`; `name=@file` reads the value's text from a file; JSON values are taken as JSON, all else as text. */
function readAssignment(text: string): [string, JsonValue] {
  const [name, value] = split(text);
  if (value.startsWith('@')) return [name, read(value.slice(1), value.slice(1))];
  try {
    return [name, JSON.parse(value) as JsonValue];
  } catch {
    return [name, value];
  }
}

function split(text: string): [name: string, value: string] {
  const [, name, value] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new CommandFailed(2, `"${text}" is not name=value.`);
  return [name, value];
}

/** An assignment whose value is taken as the text that it is. */
export function quoted(text: string): string {
  const [name, value] = split(text);
  return `${name}=${JSON.stringify(value)}`;
}

/** `name=value`, of which every value is text. */
export function readTexts(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map(split));
}

export function readAssignments(texts: readonly string[] = []): JsonObject {
  return Object.fromEntries(texts.map(readAssignment));
}

function read(file: string | 0, shown: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandFailed(2, `Cannot read ${shown}: ${reasonOf(error)}`, { cause: error });
  }
}
