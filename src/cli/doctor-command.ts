import type { Command } from 'commander';
import { printReport } from './doctor/print-report.ts';
import type { DoctorReport } from './doctor/report.ts';
import { withProgress } from './progress.ts';
import type { Output } from './output.ts';

export function addDoctorCommand(
  program: Command,
  output: () => Output,
  examine: (options: { readonly isDeep: boolean }) => Promise<DoctorReport>,
): void {
  program
    .command('doctor')
    .description('what protects tools on this host, what is missing, and how to get it; needs no server')
    .addHelpText(
      'after',
      '\nIt launches a worker or a container under each confinement, which tries to break out: a few seconds.\nExit codes: 0 fine, 1 something that matters is missing, 2 called wrongly.',
    )
    .option(
      '--deep',
      'try from inside a container, under each runtime, what a break-out would need, and give a score',
    )
    .action(async ({ deep }: { deep?: boolean }) => {
      const report = await withProgress('trying what holds', () => examine({ isDeep: deep === true }));
      const out = output();
      out.show(report, () => printReport(report, out.paint));
      if (report.status === 'failed') process.exitCode = 1;
    });
}
