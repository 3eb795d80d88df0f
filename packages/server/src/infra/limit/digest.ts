import { hash } from 'node:crypto';

/** What is stored outside this process instead of addresses and e-mails: SHA-256, 256 bits as base64url. */
export function digestSubject(policy: string, subject: string): string {
  return hash('sha256', `${policy}\n${subject}`, 'base64url');
}
