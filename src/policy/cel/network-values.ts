/**
 * `url()`, `ip()` and `cidr()` of policy expressions, read by the platform's own parsers, so that what a rule sees is
 * what a connection would use. Hostile: every text. Each function throws on text that it does not understand, and an
 * error never grants.
 */
import { BlockList, isIP } from 'node:net';

/** Text that is no URL, address or range. The message never holds the text. */
export class NetworkValueError extends Error {
  override readonly name = 'NetworkValueError';
}

const DEFAULT_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
  ['ws', 80],
  ['wss', 443],
  ['ftp', 21],
]);

/** A URL in parts, after the WHATWG parser: host in lower case without brackets or final dot, dot segments resolved. */
export class UrlValue {
  readonly scheme: string;
  readonly host: string;
  /** Explicit or the scheme's own; 0 where there is none. */
  readonly port: bigint;
  readonly path: string;

  constructor(text: string) {
    const url = URL.parse(text);
    if (url === null) throw new NetworkValueError('url() needs an absolute URL');
    this.scheme = url.protocol.slice(0, -1);
    this.host = url.hostname
      .toLowerCase()
      .replace(/^\[(.*)\]$/, '$1')
      .replace(/\.$/, '');
    this.port = BigInt(url.port === '' ? (DEFAULT_PORTS.get(this.scheme) ?? 0) : url.port);
    this.path = url.pathname;
  }
}

/** An address in canonical notation; an IPv4-mapped IPv6 address counts as the IPv4 address that it is. */
export class IpValue {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';

  constructor(text: string) {
    const version = text.includes('%') ? 0 : isIP(text);
    if (version === 0) throw new NetworkValueError('ip() needs an IPv4 or IPv6 address');
    const canonical = version === 4 ? text : new URL(`http://[${text}]/`).hostname.slice(1, -1);
    const mapped = mappedIpv4(canonical);
    this.address = mapped ?? canonical;
    this.family = version === 4 || mapped !== null ? 'ipv4' : 'ipv6';
  }
}

/** An address range in `address/prefix` notation. */
export class CidrValue {
  readonly #list = new BlockList();
  readonly #family: 'ipv4' | 'ipv6';

  constructor(text: string) {
    const [address, prefix, ...rest] = text.split('/');
    const length = prefix !== undefined && /^[0-9]{1,3}$/.test(prefix) ? Number(prefix) : -1;
    const version = address === undefined || address.includes('%') ? 0 : isIP(address);
    if (
      address === undefined ||
      version === 0 ||
      rest.length > 0 ||
      length < 0 ||
      length > (version === 4 ? 32 : 128)
    ) {
      throw new NetworkValueError('cidr() needs a range such as 10.0.0.0/8 or fd00::/8');
    }
    this.#family = version === 4 ? 'ipv4' : 'ipv6';
    if (this.#family === 'ipv6' && new IpValue(address).family === 'ipv4') {
      throw new NetworkValueError('cidr() takes IPv4-mapped ranges in IPv4 notation only');
    }
    this.#list.addSubnet(address, length, this.#family);
  }

  contains(ip: IpValue): boolean {
    return ip.family === this.#family && this.#list.check(ip.address, ip.family);
  }
}

/** The IPv4 address inside `::ffff:a00:1`, or null. */
function mappedIpv4(canonical: string): string | null {
  const parts = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (parts === null) return null;
  const [high, low] = [Number.parseInt(parts[1] ?? '', 16), Number.parseInt(parts[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
