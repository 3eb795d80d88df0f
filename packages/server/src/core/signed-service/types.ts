import type { Client, Scope, Services } from '../context.ts';

/** A service of the installation's owner that signs its requests and speaks for its own users. */
export interface SignedService {
  /** `chat`; part of what the audit log says. */
  name: string;
  /** The first is what it signs with now; the others are taken while it changes over. */
  secrets: readonly string[];
  /** Whose data it works on; null for the first tenant of the installation. */
  tenantId: string | null;
  scopes: readonly Scope[];
  /** How far its clock may be off, milliseconds; also how long a signature is remembered. */
  skewMs: number;
  /** Refuses signatures that do not cover `x-user-id`. */
  requiresSignedUser: boolean;
}

/** What a signed request showed. Its body is only read once the rest may be right. */
export interface SignedRequest {
  /** Hex. */
  signature: string;
  /** Seconds since 1970, as sent. */
  timestamp: string;
  /** As sent; absent when the header is. */
  userId: string | undefined;
  method: string;
  /** Path and query as they came over the wire. */
  target: string;
  /** Names and values of the headers that the signature says it covers; undefined for one that is not there. */
  headers: readonly (readonly [name: string, value: string | undefined])[];
  readBody(): Promise<Buffer>;
  /** Whether doing it twice is doing it once, as the route and its body have it. */
  repeatable(body: Buffer): boolean;
}

/** Where a request came from, for the audit log. */
export interface Origin {
  client?: Client;
  requestId?: string;
}

export interface SignedServiceServices extends Pick<Services, 'db' | 'clock'> {
  readonly signedService: SignedService | null;
}
