/** Every command but the processes of the server. */
import type { Command } from 'commander';
import { addApprovalCommands } from './approval-commands.ts';
import { addAuditCommands } from './audit-commands.ts';
import { addBackupCommand } from './backup-command.ts';
import { addBlockCommands } from './block-commands.ts';
import { addBoundaryCommands } from './boundary-commands.ts';
import { addCallCommand } from './call-command.ts';
import { addCallsCommands } from './calls-commands.ts';
import { addConfigCommand } from './config-command.ts';
import { addDoctorCommand } from './doctor-command.ts';
import { addFileCommands } from './file-commands.ts';
import { addImageCommands } from './image-commands.ts';
import { addKeyCommands } from './key-commands.ts';
import { addMcpCommand } from './mcp-command.ts';
import { addPolicyCommands } from './policy-commands.ts';
import { addSessionCommands } from './session-commands.ts';
import { addToolsCommand } from './tools-command.ts';
import type { Output } from './output.ts';
import type { ProgramActions } from './program.ts';

export function addOperatorCommands(
  program: Command,
  output: () => Output,
  { doctor, images }: Pick<ProgramActions, 'doctor' | 'images'>,
): void {
  addToolsCommand(program, output);
  addCallCommand(program, output);
  addCallsCommands(program, output);
  addSessionCommands(program, output);
  addFileCommands(program, output);
  addMcpCommand(program);
  addPolicyCommands(program, output);
  addBlockCommands(program, output);
  addBoundaryCommands(program, output);
  addApprovalCommands(program, output);
  addAuditCommands(program, output);
  addBackupCommand(program, output);
  addKeyCommands(program, output);
  addImageCommands(program, output, images);
  addConfigCommand(program, output);
  addDoctorCommand(program, output, doctor);
}
