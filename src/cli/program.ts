/** `sallyport`: every command, thin over the rooms below. Exit codes: 0 fine, 1 finding or failure, 2 usage. */
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { ConfigInvalid } from '../config/config.ts';
import { examples } from './examples.ts';
import type { ImageCommands } from '../execution/container/image-commands.ts';
import { parseRunnerAddress } from '../execution/runner/runner-address.ts';
import type { RunnerAddress } from '../execution/runner/runner-address.ts';
import { readVersion } from '../config/version.ts';
import { CommandFailed, RequestRefused } from './command-failed.ts';
import type { DoctorReport } from './doctor/report.ts';
import { StartFailed } from '../supervisor/start-failed.ts';
import { createOutput, printable } from './output.ts';
import type { Output } from './output.ts';
import { reasonOf } from './reason-of.ts';

export interface RunnerCommandOptions {
  readonly listen?: RunnerAddress;
  readonly instance?: string;
}

export interface WorkerCommandOptions {
  readonly index: string;
  /** Where the supervisor listens. */
  readonly url: string;
  /** Whether there are other workers. */
  readonly shared?: true;
  /** Where the runner listens that they share. */
  readonly runner?: string;
}

/** What starts processes is handed in: the command line does not construct servers. */
export interface ProgramActions {
  readonly serve: () => Promise<void>;
  /** With `listen` a service of its own, else the child of the api that started it. */
  readonly runner: (options: RunnerCommandOptions) => Promise<void>;
  /** One HTTP process of a supervised server. */
  readonly worker: (options: WorkerCommandOptions) => Promise<void>;
  readonly images: () => Promise<ImageCommands>;
  readonly doctor: (options: { readonly isDeep: boolean }) => Promise<DoctorReport>;
}

/** Runs one command line; sets `process.exitCode`, prints errors to stderr, never a stack trace. */
export async function runProgram(args: readonly string[], actions: ProgramActions): Promise<void> {
  if (!isProcess(args)) endWithReader(process.stdout);
  try {
    const program = await createProgram(args, actions);
    await program.parseAsync(args, { from: 'user' }).catch((error: unknown) => {
      if (program.opts()['json'] === true) showProblem(error);
      throw error;
    });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    if (!(error instanceof CommanderError))
      process.stderr.write(`sallyport: ${printable(reasonOf(error))}\n`);
  }
}

/** For programs, where they read what else there would have been. */
function showProblem(error: unknown): void {
  if (error instanceof RequestRefused) createOutput(true, false).show(error.problem, () => '');
}

/** Who reads may leave early (`… | head`): the command ends then, without a word, and did not do all of its work. */
function endWithReader(stdout: NodeJS.WriteStream): void {
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(1);
  });
}

/** Whether the first word names a process of the server: `help` and whatever else is wrong sees every command. */
function isProcess([first, ...rest]: readonly string[]): boolean {
  const asksForHelp = rest.includes('--help') || rest.includes('-h');
  return (first === 'serve' || first === 'runner' || first === 'worker') && !asksForHelp;
}

/**
 * The whole command line; `actions` do what it does not construct itself. Of a process of the server, which `args` name,
 * only the commands that are processes.
 */
export async function createProgram(args: readonly string[], actions: ProgramActions): Promise<Command> {
  const program = new Command('sallyport')
    .description('Sandboxed tool execution for AI agents.')
    .version(readVersion())
    .option('--json', 'print JSON, also on a terminal; of a refusal the problem document')
    .option('--url <url>', 'the server (default: SALLYPORT_URL, else http://127.0.0.1:8080)')
    .hook('preAction', (_program, command) => {
      // Whatever a command asks the server goes where the person said. A worker is told by its supervisor, and is none.
      const url: unknown = program.opts()['url'];
      if (typeof url === 'string' && command.name() !== 'worker') process.env['SALLYPORT_URL'] = url;
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 fine, 1 a finding or failure, 2 called wrongly.\nThe key: SALLYPORT_API_KEY, else `apiKey` in ~/.config/sallyport/config.json ({"url": …, "apiKey": …}, mode 0600; the\nkey goes to that url alone), else that of the local server in SALLYPORT_DATA_DIR,\nwhich is sent to this machine alone.',
    );
  const output = (): Output =>
    createOutput(
      program.opts()['json'] === true || !process.stdout.isTTY,
      process.stdout.hasColors?.() ?? false,
    );
  program
    .command('serve')
    .description('start the server (configured by SALLYPORT_ variables; see "sallyport config")')
    .action(actions.serve);
  program
    .command('runner')
    .description(
      'the process that runs sandboxes, as a service of its own (serve starts a child unless SALLYPORT_RUNNER names one)',
    )
    .option(
      '--listen <address>',
      'unix:/path or tls://host:port (with SALLYPORT_RUNNER_TLS_CERT, _KEY and _CA)',
      readAddress,
    )
    .option('--instance <id>', 'names this deployment on the container engine (default: SALLYPORT_NODE_ID)')
    .action((options: RunnerCommandOptions, command: Command) => {
      // `serve` names the instance and hands over a socket; nobody else can.
      if (options.listen === undefined && options.instance === undefined)
        command.error('error: a runner that is a service of its own takes --listen');
      return actions.runner(options);
    });
  program
    .command('worker', { hidden: true })
    .description('an HTTP process of a supervised server, which starts it')
    .requiredOption('--index <n>', 'which one')
    .option('--shared', 'there are others')
    .option('--runner <path>', 'where the runner listens that they share')
    .action((_options, command: Command) =>
      process.send === undefined
        ? command.error('error: a worker is started by "sallyport serve" with SALLYPORT_HTTP_WORKERS')
        : actions.worker(command.optsWithGlobals<WorkerCommandOptions>()),
    );
  // A server starts faster without what it has no use for: its own commands are complete by now.
  if (!isProcess(args)) {
    const { addOperatorCommands } = await import('./operator-commands.ts');
    addOperatorCommands(program, output, actions);
  }
  for (const command of [program, ...allCommands(program)]) {
    command.exitOverride().showHelpAfterError('(--help shows how it is used)');
    command.configureHelp({ showGlobalOptions: true });
    const shown = examples[nameOf(command)];
    if (shown !== undefined)
      command.addHelpText('after', ['', 'Examples:', ...shown.map((line) => `  ${line}`)].join('\n'));
  }
  return program;
}

function readAddress(text: string): RunnerAddress {
  try {
    return parseRunnerAddress(text);
  } catch (error) {
    throw new InvalidArgumentError(`It ${reasonOf(error)}.`);
  }
}

/** In full, without the program's. */
export function nameOf(command: Command): string {
  const { parent } = command;
  return parent === null || parent.parent === null ? command.name() : `${nameOf(parent)} ${command.name()}`;
}

export function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailed) return error.exitCode;
  if (error instanceof ConfigInvalid) return 2;
  if (error instanceof StartFailed) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return 1;
}
