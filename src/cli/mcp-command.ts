import type { Command } from 'commander';
import { readConnection } from './client.ts';

interface McpOptions {
  readonly url?: string;
}

export function addMcpCommand(program: Command): void {
  program
    .command('mcp')
    .description(
      'speak the Model Context Protocol on standard input and output, for clients that start their servers',
    )
    .option('--url <url>', 'the server (default: SALLYPORT_URL, else http://127.0.0.1:8080)')
    .addHelpText(
      'after',
      '\nIn the configuration of a desktop client:\n  {"mcpServers": {"sallyport": {"command": "sallyport", "args": ["mcp", "--url", "http://127.0.0.1:8080"],\n                                "env": {"SALLYPORT_API_KEY": "spk_…"}}}}',
    )
    .action(async (options: McpOptions) => {
      const environment = options.url === undefined ? {} : { SALLYPORT_URL: options.url };
      const { key, url } = readConnection({ ...process.env, ...environment });
      const { StdioBridge } = await import('./mcp/stdio-bridge.ts');
      const { stdin: input, stdout: output } = process;
      await new StdioBridge({ url: new URL('/mcp', url), key, input, output }).run();
    });
}
