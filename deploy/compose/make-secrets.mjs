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

keep('api/sealing-key', `${randomBytes(32).toString('hex')}\n`);
keep('api/signing-key', `${randomBytes(32).toString('hex')}\n`);
keep('redis/redis.conf', `requirepass ${randomBytes(32).toString('hex')}\n`);
const redisPassword = readFileSync(`${root}/redis/redis.conf`, 'utf8').trim().split(' ')[1];
keep('api/redis-url', `redis://:${redisPassword}@redis:6379\n`);
