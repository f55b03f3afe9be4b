/**
 * Child of the supervisor: runs one piece of JavaScript and answers with one JSON value (see ../README.md).
 * Loaded before there is a request. Everything after the request has been read is at the mercy of the code.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync, writeSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { Script, constants } from 'node:vm';

const requestFd = 3;
const resultFd = 4;
const stackCharsMax = 16_000;
const messageCharsMax = 4_000;
/** Where a module's own code appears to lie: imports of `./…` are then found under /work. */
const moduleUrl = 'file:///work/%3Ccode%3E';
const ownUrl = import.meta.url;

let answered = false;

function answer(text) {
  if (answered) return;
  answered = true;
  const data = Buffer.from(text);
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
    stack: kept.join('\n').replaceAll(moduleUrl, codeName).slice(0, stackCharsMax),
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

async function importModule(source, codeName) {
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === moduleUrl ? { url: moduleUrl, shortCircuit: true } : next(specifier, context),
    load: (url, context, next) =>
      url === moduleUrl ? { format: 'module', source, shortCircuit: true } : next(url, context),
  });
  try {
    return await import(moduleUrl);
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

async function serve() {
  writeSync(resultFd, '\n');
  const request = JSON.parse(readFileSync(requestFd, 'utf8'));
  const codeName = request.codeName ?? '<code>';
  process.on('uncaughtException', (error) => {
    answerError(error, codeName);
    process.exit(0);
  });
  process.on('beforeExit', () =>
    answerError(new Error('the code waits for something that can never happen'), codeName),
  );
  process.on('exit', (status) => {
    if (status === 0) answer('{"ok":true,"value":null}');
    else
      answer(
        JSON.stringify({ ok: false, error: { name: 'Exit', message: `exit status ${status}`, stack: '' } }),
      );
  });
  try {
    answer(`{"ok":true,"value":${encodeValue(await run({ ...request, codeName }))}}`);
  } catch (error) {
    answerError(error, codeName);
  }
  process.exit(0);
}

serve();
