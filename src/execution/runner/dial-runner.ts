/** A runner that is a service of its own: reached over a Unix socket, or over TLS with certificates on both sides. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { OpenedRunner, RunnerOpener } from './open-runner.ts';
import { showAddress } from './runner-address.ts';
import type { RunnerAddress } from './runner-address.ts';
import type { TlsIdentity } from '../../model/tls-identity.ts';

/** How long a connection may take to be there, its handshake included. */
const dialMsMax = 5000;

/** `tls` is needed for `tls://` addresses. */
export function remoteRunner(address: RunnerAddress, tls: TlsIdentity | null): RunnerOpener {
  return {
    identity: 'service',
    name: showAddress(address),
    outlivesApi: () => true,
    open: () => dial(address, tls),
  };
}

export interface SharedRunnerOptions {
  /** Where it listens. */
  readonly path: string;
  /** It has said nothing for too long: whoever started it must end it. */
  readonly onSilent: () => void;
  readonly outlivesApi: () => boolean;
}

/** A child of the process that supervises this one, for this one and its like. */
export function sharedRunner({ path, onSilent, outlivesApi }: SharedRunnerOptions): RunnerOpener {
  return {
    identity: 'same-user',
    name: 'shared child process',
    outlivesApi,
    open() {
      return { ...dial({ kind: 'unix', path }, null), onGivenUp: onSilent };
    },
  };
}

function dial(address: RunnerAddress, tls: TlsIdentity | null): OpenedRunner {
  const socket = openSocket(address, tls);
  let reason = 'closed by the other side';
  socket.setTimeout(dialMsMax, () => socket.destroy(new Error(`no answer in ${dialMsMax} ms`)));
  socket.once(address.kind === 'tls' ? 'secureConnect' : 'connect', () => socket.setTimeout(0));
  socket.on('error', (error) => {
    reason = error.message;
  });
  const gone = new Promise<string>((resolve) => socket.once('close', () => resolve(reason)));
  return {
    stream: socket,
    identity: { runner: showAddress(address) },
    gone,
    kill: () => void socket.destroy(),
  };
}

function openSocket(address: RunnerAddress, tls: TlsIdentity | null): Socket {
  if (address.kind === 'unix') return connect({ path: address.path });
  if (tls === null) throw new Error(`${showAddress(address)} needs a certificate, a key and a CA`);
  const { host, port } = address;
  // The name is checked against the certificate; an address has no server name to send.
  const { cert, key, ca } = tls;
  return connectTls({ host, port, cert, key, ca, minVersion: 'TLSv1.3', rejectUnauthorized: true });
}
