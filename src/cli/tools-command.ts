import type { Command } from 'commander';
import type { ToolForms } from '../client/index.ts';
import { createClient } from './client.ts';
import { oneLine, table } from './output.ts';
import type { Output } from './output.ts';

export function addToolsCommand(program: Command, output: () => Output): void {
  program
    .command('tools')
    .description('the tools that your key may call; as JSON with what they take')
    .action(async () => {
      const list = (await createClient(process.env).request('GET', '/v1/tools')) as {
        readonly tools: readonly ToolForms['sallyport'][];
      };
      const out = output();
      out.show(list, () =>
        list.tools.length === 0
          ? 'No tool is yours to call.'
          : table(list.tools.map(({ name, title }) => [out.paint.bold(oneLine(name)), oneLine(title)])),
      );
    });
}
