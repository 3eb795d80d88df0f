import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** Said of everything that is not reached, so that the answer does not map the inside of a network. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
  constructor() {
    super('This address could not be fetched.');
  }
}

const IPV4_COMPATIBLE = /^::\d+\.\d+\.\d+\.\d+$/;

/** Whether an IP address is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // Addresses in ::/96 reach IPv4 on some systems; the library reads one form as IPv4, the other as unicast.
  if (parsed.kind() === 'ipv4') return !IPV4_COMPATIBLE.test(address);
  return !parsed.match(ipaddr.IPv6.parse('::'), 96);
}

/**
 * Refuses a URL whose host is a private address written as one. Needed beside `lookupPublic`, because no
 * lookup happens for such hosts. The URL parser has already turned decimal, hex and octal forms into dots.
 */
export function assertPublicHost(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw new UnreachableError();
}

type Answer = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** `dns.lookup` for a socket that fails when any address of the name is private. */
export function lookupPublic(hostname: string, options: LookupOptions, answer: Answer): void {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error || !first || !addresses.every(({ address }) => isPublicAddress(address))) {
      answer(new UnreachableError(), []);
    } else if (options.all) answer(null, addresses);
    else answer(null, first.address, first.family);
  });
}
