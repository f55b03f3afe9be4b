/** Where a runner listens: `unix:/path` or `tls://host:port`. */

export type RunnerAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tls'; readonly host: string; readonly port: number };

/** `sun_path` holds 108 bytes with the final NUL (unix(7)). */
const socketPathBytesMax = 107;

/** Throws an Error whose message says what a good address looks like. */
export function parseRunnerAddress(text: string): RunnerAddress {
  const path = /^unix:(\/[^\0]+)$/.exec(text)?.[1];
  if (path !== undefined) {
    if (Buffer.byteLength(path) > socketPathBytesMax)
      throw new Error(`has a socket path of more than ${socketPathBytesMax} bytes`);
    return { kind: 'unix', path };
  }
  const match = /^tls:\/\/(\[[0-9a-fA-F:.]+\]|[\w.-]{1,253}):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535)
    throw new Error('must be unix:/path or tls://host:port');
  return { kind: 'tls', host: match[1].replaceAll(/[[\]]/g, ''), port };
}

export function showAddress(address: RunnerAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `tls://${host}:${address.port}`;
}
