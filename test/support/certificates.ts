/** Certificates for the link between api and runner, made anew for each run by openssl. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TlsIdentity } from '../../src/model/tls-identity.ts';

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];

/** A CA of its own, as a folder with `ca.key` and `ca.pem`. */
export function createAuthority(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-ca-'));
  openssl(folder, ['req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', `/CN=${name}`]);
  return folder;
}

/** An identity that the authority signed, for an address or a host name. */
export function issue(authority: string, host = '127.0.0.1'): TlsIdentity {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-tls-'));
  const kind = /^[\d.]+$/.test(host) ? 'IP' : 'DNS';
  const ca = join(authority, 'ca');
  openssl(folder, ['req', ...newKey, '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=sallyport']);
  writeFileSync(join(folder, 'extensions'), `subjectAltName=${kind}:${host}\n`);
  const signed = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-extfile', 'extensions', '-days', '1'];
  openssl(folder, ['x509', '-req', '-in', 'request.pem', ...signed, '-out', 'cert.pem']);
  const read = (file: string): string => readFileSync(file, 'latin1');
  return { cert: read(join(folder, 'cert.pem')), key: read(join(folder, 'key.pem')), ca: read(`${ca}.pem`) };
}

/** Writes an identity to files, and names them as the configuration does. */
export function environmentFor({ cert, key, ca }: TlsIdentity): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-tls-'));
  const files = { CERT: cert, KEY: key, CA: ca };
  return Object.fromEntries(
    Object.entries(files).map(([name, pem]) => {
      const file = join(folder, `${name.toLowerCase()}.pem`);
      writeFileSync(file, pem, { mode: 0o600 });
      return [`SALLYPORT_RUNNER_TLS_${name}`, file];
    }),
  );
}

function openssl(folder: string, args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}
