/**
 * Requests without a valid key, on the record in aggregate: one event an address prefix and minute, so that
 * nobody outside can fill the disk.
 */
import { isIPv6 } from 'node:net';
import type { RecordStore } from '../audit/record.ts';

const flushEveryMs = 60_000;
/** Prefixes counted apart in one minute; the rest are counted together. */
const prefixesMax = 1000;

export interface LoginFailuresOptions {
  readonly record: Pick<RecordStore, 'write'>;
  readonly logger: { error(fields: object, message: string): void };
}

export class LoginFailures implements AsyncDisposable {
  readonly #options: LoginFailuresOptions;
  readonly #timer: NodeJS.Timeout;
  #counts = new Map<string, number>();

  constructor(options: LoginFailuresOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.flush(), flushEveryMs);
    this.#timer.unref();
  }

  count(address: string): void {
    const prefix = prefixOf(address);
    const counted = this.#counts.has(prefix) || this.#counts.size < prefixesMax ? prefix : 'others';
    this.#counts.set(counted, (this.#counts.get(counted) ?? 0) + 1);
  }

  async flush(): Promise<void> {
    const counts = this.#counts;
    if (counts.size === 0) return;
    this.#counts = new Map();
    const events = [...counts].map(([prefix, count]) => ({
      type: 'login_failed' as const,
      details: { count },
      content: { prefix },
    }));
    try {
      await this.#options.record.write({ events });
    } catch (error) {
      for (const [prefix, count] of counts) this.#counts.set(prefix, (this.#counts.get(prefix) ?? 0) + count);
      this.#options.logger.error({ err: error }, 'failed logins not recorded yet');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }
}

/** /24 for IPv4, /48 for IPv6: coarse enough to be few, fine enough to act on. */
function prefixOf(address: string): string {
  const plain = address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  if (!isIPv6(plain)) return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  const [head = ''] = plain.split('::');
  return `${head.split(':').filter(Boolean).slice(0, 3).join(':')}::/48`;
}
