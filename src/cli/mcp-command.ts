import type { Command } from 'commander';
import { readConnection } from './client.ts';

export function addMcpCommand(program: Command): void {
  program
    .command('mcp')
    .description(
      'speak the Model Context Protocol on standard input and output, for clients that start their servers',
    )
    .addHelpText(
      'after',
      '\nIn the configuration of a desktop client:\n  {"mcpServers": {"sallyport": {"command": "sallyport", "args": ["mcp", "--url", "http://127.0.0.1:8080"],\n                                "env": {"SALLYPORT_API_KEY": "spk_…"}}}}',
    )
    .action(async () => {
      const { key, url } = readConnection(process.env);
      const { StdioBridge } = await import('./mcp/stdio-bridge.ts');
      const { stdin: input, stdout: output } = process;
      await new StdioBridge({ url: new URL('/mcp', url), key, input, output }).run();
    });
}
