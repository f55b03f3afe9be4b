/** `sallyport`: every command, thin over the rooms below. Exit codes: 0 fine, 1 finding or failure, 2 usage. */
import { Command, CommanderError } from 'commander';
import { ConfigInvalid } from '../config/config.ts';
import type { ImageCommands } from '../execution/container/image-commands.ts';
import { readVersion } from '../config/version.ts';
import { addApprovalCommands } from './approval-commands.ts';
import { addAuditCommands } from './audit-commands.ts';
import { addBackupCommand } from './backup-command.ts';
import { addBlockCommands } from './block-commands.ts';
import { addBoundaryCommands } from './boundary-commands.ts';
import { addCallCommand } from './call-command.ts';
import { CommandFailed } from './command-failed.ts';
import { addConfigCommand } from './config-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import type { DoctorReport } from './doctor/report.ts';
import { addImageCommands } from './image-commands.ts';
import { addKeyCommands } from './key-commands.ts';
import { addMcpCommand } from './mcp-command.ts';
import { StartFailed } from '../supervisor/start-failed.ts';
import { createOutput, printable } from './output.ts';
import type { Output } from './output.ts';
import { addPolicyCommands } from './policy-commands.ts';

export interface RunnerCommandOptions {
  readonly listen?: string;
  readonly instance?: string;
}

export interface WorkerCommandOptions {
  readonly index: string;
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
  try {
    await createProgram(actions).parseAsync(args, { from: 'user' });
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    if (!(error instanceof CommanderError))
      process.stderr.write(`sallyport: ${printable(messageOf(error))}\n`);
  }
}

function createProgram(actions: ProgramActions): Command {
  const program = new Command('sallyport')
    .description('Sandboxed tool execution for AI agents.')
    .version(readVersion())
    .option('--json', 'print JSON, also on a terminal')
    .showHelpAfterError('(--help shows how it is used)')
    .exitOverride()
    .addHelpText(
      'after',
      '\nExit codes: 0 fine, 1 a finding or failure, 2 called wrongly.\nClient commands use SALLYPORT_URL and SALLYPORT_API_KEY, or the local server and its bootstrap key.',
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
    .requiredOption('--url <url>', 'where the supervisor listens')
    .option('--shared', 'there are others')
    .option('--runner <path>', 'where the runner listens that they share')
    .action((options: WorkerCommandOptions, command: Command) =>
      process.send === undefined
        ? command.error('error: a worker is started by "sallyport serve" with SALLYPORT_HTTP_WORKERS')
        : actions.worker(options),
    );
  addCallCommand(program, output);
  addMcpCommand(program);
  addPolicyCommands(program, output);
  addBlockCommands(program, output);
  addBoundaryCommands(program, output);
  addApprovalCommands(program, output);
  addAuditCommands(program, output);
  addBackupCommand(program, output);
  addKeyCommands(program, output);
  addImageCommands(program, output, actions.images);
  addConfigCommand(program, output);
  addDoctorCommand(program, output, actions.doctor);
  for (const command of allCommands(program))
    command.exitOverride().showHelpAfterError('(--help shows how it is used)');
  return program;
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...allCommands(child)]);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommandFailed) return error.exitCode;
  if (error instanceof ConfigInvalid) return 2;
  if (error instanceof StartFailed) return error.exitCode;
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  return 1;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
