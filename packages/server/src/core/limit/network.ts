const IP_SUBJECT = /^ip:([^\s|]+)/;

/** An IPv6 customer has a whole /64, so that is what is counted; an IPv4 address stands for itself. */
export function networkOf(ip: string): string {
  if (!ip.includes(':')) return ip;
  const [head = '', tail = ''] = ip.split('::', 2);
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [left, right] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const groups = [...left, ...zeros, ...right].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '').toLowerCase()).join(':')}::/64`;
}

/** `ip:2001:db8::1 email:A@b` as `ip:2001:db8:0:0::/64 email:a@b`; other subjects stay as they are. */
export function canonicalSubject(subject: string): string {
  const lower = subject.includes('email:') ? subject.toLowerCase() : subject;
  if (!lower.startsWith('ip:') || !lower.includes(':', 3)) return lower;
  return lower.replace(IP_SUBJECT, (_match, ip: string) => `ip:${networkOf(ip)}`);
}
