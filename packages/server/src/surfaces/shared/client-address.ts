import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

const WITH_PORT = /^(?:\[([^\]]+)\]|(\d+\.\d+\.\d+\.\d+))(?::\d{1,5})?$/;
const PLAIN_IPV4 = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

/**
 * One form for each address, whatever way it is written; null for what is none. IPv4 in IPv6 becomes IPv4.
 * Only four decimal parts make an IPv4 address: `0x7f.1` and `2130706433` are none.
 */
export function parseAddress(text: string): string | null {
  return readAddress(text)?.toString() ?? null;
}

function readAddress(text: string): Address | null {
  const port = WITH_PORT.exec(text);
  const [bare = ''] = (port?.[1] ?? port?.[2] ?? text).split('%', 1);
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  return bare.includes(':') && ipaddr.IPv6.isValid(bare) ? ipaddr.process(bare) : null;
}

/** @param list addresses and networks (CIDR) @throws for anything else */
export function parseNetworks(list: readonly string[]): [Address, number][] {
  return list.map((text) => {
    const [ip = '', bits, ...rest] = text.split('/');
    const address = readAddress(ip);
    const all = address?.kind() === 'ipv4' ? 32 : 128;
    const width = bits === undefined ? all : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (address === null || rest.length > 0 || !(width <= all)) {
      throw new Error(`${text} is not an IP address or network.`);
    }
    return [address, width];
  });
}

/** Finds out who a request comes from, believing what only the configured proxies say. */
export class ClientAddress {
  readonly #trusted: readonly [Address, number][];

  /** @param trustedProxies addresses and networks of the proxies before this server */
  constructor(trustedProxies: readonly string[] = []) {
    this.#trusted = parseNetworks(trustedProxies);
  }

  /**
   * The peer itself, or, if it is a trusted proxy, the last address in X-Forwarded-For that is not one. The list
   * is read from its end, as each proxy appends whom it heard; what stands before an untrusted address, or before
   * one that cannot be read, may be anybody's invention. Without the header X-Real-IP counts.
   */
  of({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): string {
    const peer = socket.remoteAddress ?? '';
    if (this.#trusted.length === 0) return PLAIN_IPV4.test(peer) ? peer : (parseAddress(peer) ?? 'unknown');
    let client = readAddress(peer);
    if (client === null) return 'unknown';
    const hops = hopsOf(headers);
    while (this.#isTrusted(client)) {
      const next = readAddress(hops.pop() ?? '');
      if (next === null) break;
      client = next;
    }
    return client.toString();
  }

  #isTrusted(address: Address): boolean {
    return this.#trusted.some(
      ([network, bits]) => network.kind() === address.kind() && address.match(network, bits),
    );
  }
}

function hopsOf(headers: IncomingMessage['headers']): string[] {
  const forwarded = headers['x-forwarded-for'] ?? headers['x-real-ip'];
  return String(forwarded ?? '')
    .split(',')
    .map((hop) => hop.trim());
}
