import type { SignedHead } from '@holdfast/protocol';

export type { SignedHead };

/** What is said about a chain and signed; `time` and key are the notary's. */
export type HeadStatement = Omit<SignedHead, 'time' | 'key_id' | 'signature'>;

export interface NotaryKey {
  key_id: string;
  /** PEM (SPKI). */
  public_key: string;
}

/** What makes the audit log checkable from outside of the database. */
export interface Notary {
  /** Under a key that is in neither the database nor an export: a digest cannot be searched for its secret. */
  digest(tenantId: string, secret: string): string;
  readonly key: NotaryKey;
  /** Keys of earlier heads. */
  readonly previous: readonly NotaryKey[];
  /** @param now milliseconds since 1970 */
  sign(statement: HeadStatement, now: number): SignedHead;
  check(head: SignedHead): 'valid' | 'invalid' | 'unknown_key';
  /** Adds to the file of heads; they are on the disk when it resolves. */
  append(heads: readonly SignedHead[]): Promise<void>;
  /** The file's lines in their order, as JSON; not checked. A line that is no JSON is left out. */
  read(): AsyncIterable<unknown>;
}
