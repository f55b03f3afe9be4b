/** No address but a proxy's takes all connections: some are left for everybody else, however slowly it uses its own. */
import { BlockList, isIPv6 } from 'node:net';
import type { Server, Socket } from 'node:net';

export interface ConnectionLimits {
  readonly byAddressMax: number;
  /** Addresses or CIDR ranges behind which are many clients. */
  readonly trustedProxies: readonly string[];
  readonly onRefused: () => void;
}

export function limitConnections(server: Server, limits: ConnectionLimits): void {
  const proxies = parseRanges(limits.trustedProxies);
  const counts = new Map<string, number>();
  server.prependListener('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    if (proxies.check(plain(address), isIPv6(plain(address)) ? 'ipv6' : 'ipv4')) return;
    const count = counts.get(address) ?? 0;
    if (count >= limits.byAddressMax) {
      limits.onRefused();
      socket.destroy();
      return;
    }
    counts.set(address, count + 1);
    socket.once('close', () => {
      const left = (counts.get(address) ?? 1) - 1;
      if (left === 0) counts.delete(address);
      else counts.set(address, left);
    });
  });
}

/** `::ffff:10.0.0.1` is 10.0.0.1. */
function plain(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}

function parseRanges(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
