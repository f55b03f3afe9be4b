/**
 * Child of the supervisor: runs pieces of JavaScript and answers each with one line of JSON (see ../README.md).
 * Loaded before there is a request. Everything after the first one has been read is at the mercy of the code. In a
 * session one request follows the other, and what the code leaves in `globalThis` is there for the next; else there is one.
 */
import { spawnSync } from 'node:child_process';
import { readSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { Script, constants } from 'node:vm';

const requestFd = 3;
const resultFd = 4;
const stackCharsMax = 16_000;
const messageCharsMax = 4_000;
/** Where a module's own code appears to lie: imports of `./…` are then found under /work. A number of its own follows. */
const moduleUrl = 'file:///work/%3Ccode%3E';
const moduleUrlPattern = /file:\/\/\/work\/%3Ccode%3E\?\d+/g;
const ownUrl = import.meta.url;
const newline = 0x0a;
const over = '\u0004';
const readBytes = 64 * 1024;

let answered = true;
const modules = new Map();

/** The next line of the pipe, or what is left of it; empty at its end. Nothing else runs meanwhile. */
function readRequest(kept) {
  const parts = [kept];
  for (;;) {
    const last = parts.at(-1);
    const end = last.indexOf(newline);
    if (end !== -1) {
      parts[parts.length - 1] = last.subarray(0, end);
      return { text: Buffer.concat(parts).toString(), rest: last.subarray(end + 1) };
    }
    const buffer = Buffer.alloc(readBytes);
    const got = readSync(requestFd, buffer);
    if (got === 0) return { text: Buffer.concat(parts).toString(), rest: Buffer.alloc(0) };
    parts.push(buffer.subarray(0, got));
  }
}

function answer(text) {
  if (answered) return;
  answered = true;
  const data = Buffer.from(`${text}\n`);
  for (let at = 0; at < data.length;) at += writeSync(resultFd, data, at);
}

/** Its stack up to the harness's own frames, with the code under its name. */
function describeError(error, codeName) {
  if (!(error instanceof Error))
    return { name: 'Error', message: String(error).slice(0, messageCharsMax), stack: '' };
  const lines = String(error.stack).split('\n');
  const own = lines.findIndex((line) => line.includes(ownUrl));
  const kept = (own === -1 ? lines : lines.slice(0, own)).filter((line) => !/^\s+at .*\(?node:/.test(line));
  return {
    name: String(error.name),
    message: String(error.message).slice(0, messageCharsMax),
    stack: kept.join('\n').replaceAll(moduleUrlPattern, codeName).slice(0, stackCharsMax),
  };
}

function answerError(error, codeName) {
  let described;
  try {
    described = describeError(error, codeName);
  } catch {
    described = { name: 'Error', message: 'an error that cannot be described', stack: '' };
  }
  answer(JSON.stringify({ ok: false, error: described }));
}

function encodeValue(value) {
  try {
    return JSON.stringify(value) ?? 'null';
  } catch (error) {
    throw new TypeError(`the result cannot be expressed in JSON: ${error.message}`);
  }
}

/**
 * An async function body, or null when it cannot be one. Code with an `import` or `export` declaration is no
 * function body: so this tells the two forms apart without running anything.
 */
function compileBody(source, codeName) {
  try {
    return new Script(`(async (input, host, require) => {\n${source}\n})`, {
      filename: codeName,
      lineOffset: -1,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
  } catch (error) {
    if (error instanceof SyntaxError) return error;
    throw error;
  }
}

registerHooks({
  resolve: (specifier, context, next) =>
    modules.has(specifier) ? { url: specifier, shortCircuit: true } : next(specifier, context),
  load: (url, context, next) =>
    modules.has(url)
      ? { format: 'module', source: modules.get(url), shortCircuit: true }
      : next(url, context),
});

async function importModule(source, codeName) {
  const url = `${moduleUrl}?${modules.size + 1}`;
  modules.set(url, source);
  try {
    return await import(url);
  } catch (error) {
    if (error instanceof SyntaxError) error.stack = locateSyntaxError(source, codeName) ?? error.stack;
    throw error;
  }
}

/** The stack of a module's syntax error with its line, which `import` leaves out and `node --check` prints. */
function locateSyntaxError(source, codeName) {
  const copy = `/tmp/${process.pid}.mjs`;
  writeFileSync(copy, source);
  const { stderr } = spawnSync(process.execPath, ['--check', copy], { encoding: 'utf8' });
  return /^[^]*?^SyntaxError: .*$/m
    .exec(stderr)?.[0]
    .replaceAll(`file://${copy}`, codeName)
    .replaceAll(copy, codeName);
}

async function run({ code, codeName, args }) {
  const host = Object.freeze({});
  const require = createRequire('/work/');
  const source = code ?? args.code;
  const given = code === undefined ? args.input : args;
  const body = compileBody(source, codeName);
  if (body instanceof Script && code === undefined) return body.runInThisContext()(given, host, require);
  if (!/^\s*(import|export)\b/m.test(source) && !(body instanceof Script)) throw body;
  const main = (await importModule(source, codeName)).default;
  if (typeof main === 'function') return main(given, host);
  if (code !== undefined)
    throw new TypeError(`${codeName} has to export a default function (args, host) => value`);
  return main;
}

let codeName = '<code>';
/** Settles a call that can no longer do it itself. */
let interrupt = () => {};

process.on('uncaughtException', (error) => interrupt(error));
process.on('beforeExit', () => interrupt(new Error('the code waits for something that can never happen')));

const { reallyExit } = process;
/** Behind every exit function of the code. In its call, without the line's end: a session is over with the interpreter. */
process.reallyExit = (status) => {
  if (answered) writeSync(resultFd, over);
  else if (status === 0) writeSync(resultFd, '{"ok":true,"value":null}');
  else
    writeSync(
      resultFd,
      `{"ok":false,"error":{"name":"Exit","message":"exit status ${Number(status)}","stack":""}}`,
    );
  reallyExit.call(process, status);
};

async function serve(request) {
  codeName = request.codeName ?? '<code>';
  const { promise: interrupted, reject } = Promise.withResolvers();
  interrupt = reject;
  answered = false;
  try {
    const value = await Promise.race([run({ ...request, codeName }), interrupted]);
    answer(`{"ok":true,"value":${encodeValue(value)}}`);
  } catch (error) {
    answerError(error, codeName);
  }
}

async function main() {
  writeSync(resultFd, '\n');
  for (let kept = Buffer.alloc(0); ;) {
    const { text, rest } = readRequest(kept);
    if (text === '') process.exit(0);
    await serve(JSON.parse(text));
    kept = rest;
  }
}

main();
