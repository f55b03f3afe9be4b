import type { Command } from 'commander';
import { loadConfig } from '../config/config.ts';
import { table } from './output.ts';
import type { Output } from './output.ts';

export function addConfigCommand(program: Command, output: () => Output): void {
  program
    .command('config')
    .description('every setting with its value and source, secrets masked')
    .action(() => {
      const { sources, warnings } = loadConfig(process.env);
      const out = output();
      out.show({ settings: sources, warnings }, () =>
        [
          table(
            sources.map(({ name, shown, from, describes }) => [
              out.paint.bold(name),
              shown === '' ? '-' : shown,
              from,
              out.paint.dim(describes),
            ]),
          ),
          ...warnings.map((warning) => `warning: ${warning}`),
        ].join('\n'),
      );
    });
}
