/** Where signed heads are noted outside of the record. One that fails is tried again with the next checkpoint, which covers all before it. */
import { open } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { canonicalJson } from '../canonical-json.ts';
import { statementJson } from './statement.ts';
import type { SignedStatement } from './statement.ts';

/** A receiver that says nothing for so long is given up, milliseconds. */
const syslogMsMax = 5_000;

/** RFC 5424, section 6.2.1: facility 13 (log audit), severity 5 (notice). */
const syslogPriority = 13 * 8 + 5;

export type AnchorAddress =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'syslog'; readonly host: string; readonly port: number };

export interface Anchor {
  readonly name: string;
  /** Rejects when it is not noted. */
  note(signed: SignedStatement): Promise<void>;
}

export function createAnchor(address: AnchorAddress): Anchor {
  if (address.kind === 'file')
    return { name: `file:${address.path}`, note: (signed) => append(address.path, anchorLine(signed)) };
  const { host, port } = address;
  return { name: `syslog://${host}:${port}`, note: (signed) => send(host, port, signed) };
}

/** One line of an anchor file. */
function anchorLine(signed: SignedStatement): string {
  return canonicalJson(statementJson(signed));
}

/** Only ever appended to, so that the file can be made append-only (`chattr +a`) and given away. */
async function append(path: string, line: string): Promise<void> {
  await using file = await open(path, 'a', 0o640);
  await file.appendFile(`${line}\n`);
  await file.sync();
}

/** RFC 5424 over TCP, framed by counting octets (RFC 6587, section 3.4.1). UDP would lose one without a word. */
async function send(host: string, port: number, signed: SignedStatement): Promise<void> {
  const { time } = signed.statement;
  const message = `<${syslogPriority}>1 ${time} ${hostname()} sallyport ${process.pid} checkpoint - ${anchorLine(signed)}`;
  const socket = createConnection({ host, port });
  socket.setTimeout(syslogMsMax, () => socket.destroy(new Error(`no answer for ${syslogMsMax} ms`)));
  // Read to the end, so that the end of the other side is seen.
  socket.resume();
  socket.end(`${Buffer.byteLength(message)} ${message}`);
  await once(socket, 'close');
}
