/**
 * Makes the secrets of a compose deployment that are missing, each in a file of the volume of whom it is for, and
 * never changes one that is there. Runs to its end before anything else starts.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const root = '/secrets';

/** Complete or not there: a half-written secret would be kept for good. */
function keep(name, text) {
  const path = `${root}/${name}`;
  if (existsSync(path)) return;
  mkdirSync(dirname(path), { recursive: true });
  // Readable for whoever has the volume: the services have different users, and each volume goes to one of them.
  writeFileSync(`${path}.new`, text, { mode: 0o444, flush: true });
  renameSync(`${path}.new`, path);
  process.stdout.write(`made ${name}\n`);
}

const hex = () => randomBytes(32).toString('hex');
const readBack = (name) => readFileSync(`${root}/${name}`, 'utf8').trim();

keep('api/sealing-key', `${hex()}\n`);
keep('api/signing-key', `${hex()}\n`);
keep('redis/redis.conf', `requirepass ${hex()}\n`);
keep('api/redis-url', `redis://:${readBack('redis/redis.conf').split(' ')[1]}@redis:6379\n`);
keep('postgres/admin-password', `${hex()}\n`);
keep('postgres/sallyport-password', `${hex()}\n`);
keep(
  'api/database-url',
  `postgres://sallyport:${readBack('postgres/sallyport-password')}@postgres:5432/sallyport\n`,
);
keep('grafana/admin-password', hex());
