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

const IPV4_COMPATIBLE = /^::\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
/** All that was ever given out; the library calls the rest unicast too, such as overlay networks in 200::/7. */
const GLOBAL_IPV6 = ipaddr.IPv6.parse('2000::');
/** An address of the public internet by its number, yet inside of one cloud the door to its machines' metadata. */
const CLOUD_HOST = '168.63.129.16';

/** Whether an IP address is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  if (address.includes('%') || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== 'unicast') return false;
  // Addresses in ::/96 reach IPv4 on some systems; the library reads one form as IPv4, the other as unicast.
  if (parsed.kind() === 'ipv4') return !IPV4_COMPATIBLE.test(address) && parsed.toString() !== CLOUD_HOST;
  return parsed.match(GLOBAL_IPV6, 3) && !isIsatap(parsed as ipaddr.IPv6);
}

/** The lower half carries an IPv4 address of the tunnel's own network. */
function isIsatap({ parts }: ipaddr.IPv6): boolean {
  return (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe;
}

/**
 * Refuses a URL whose host is a private address written as one. Needed beside `publicLookup`, because no
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

/** `dns.lookup` of all addresses of a name. */
export type LookupAll = (
  hostname: string,
  options: LookupOptions & { all: true },
  answer: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A lookup for a socket that fails when any address of the name is private. What was checked is what is connected to:
 * a name that resolves to something else a moment later gains nothing.
 */
export function publicLookup(resolve: LookupAll = lookup) {
  return (hostname: string, options: LookupOptions, answer: Answer): void => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first || !addresses.every(({ address }) => isPublicAddress(address))) {
        answer(new UnreachableError(), []);
      } else if (options.all) answer(null, addresses);
      else answer(null, first.address, first.family);
    });
  };
}
