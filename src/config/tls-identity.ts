/** Certificate, key and CA of the link between api and runner, read from the files that the configuration names. */
import { readFileSync } from 'node:fs';
import { ConfigInvalid } from './config.ts';
import type { Config } from './config.ts';
import type { TlsIdentity } from '../model/tls-identity.ts';

/** A chain of certificates is some kilobytes. */
const pemBytesMax = 1024 * 1024;

/** Null when none is configured. Throws `ConfigInvalid` when only a part is, or a file cannot be read. */
export function readTlsIdentity(config: Config): TlsIdentity | null {
  const files = {
    SALLYPORT_RUNNER_TLS_CERT: config.runnerTlsCert,
    SALLYPORT_RUNNER_TLS_KEY: config.runnerTlsKey,
    SALLYPORT_RUNNER_TLS_CA: config.runnerTlsCa,
  };
  const entries = Object.entries(files);
  if (entries.every(([, file]) => file === null)) return null;
  const problems: string[] = [];
  const [cert = '', key = '', ca = ''] = entries.map(([name, file]) => readPem(name, file, problems));
  if (problems.length > 0) throw new ConfigInvalid(problems);
  return { cert, key, ca };
}

function readPem(name: string, file: string | null, problems: string[]): string {
  if (file === null) {
    problems.push(`${name} is missing: certificate, key and CA belong together`);
    return '';
  }
  try {
    const pem = readFileSync(file);
    if (pem.length <= pemBytesMax && pem.includes('-----BEGIN ')) return pem.toString('latin1');
    problems.push(`${name}: ${file} is no PEM file`);
  } catch (error) {
    problems.push(
      `${name}: cannot read ${file}: ${error instanceof Error ? error.message : 'unknown error'}`,
    );
  }
  return '';
}
