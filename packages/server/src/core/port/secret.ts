/** Bytes under a key-encryption key, and which one. */
export interface Wrapped {
  keyId: string;
  /** Cipher text with its nonce and tag. */
  sealed: Buffer;
}

/** The installation's key-encryption keys. Nothing outside of infra/secret sees their bytes. */
export interface KeyRing {
  /** The key that new things are wrapped with. */
  readonly currentId: string;
  /** Every key that can unwrap, the current one first. */
  readonly ids: readonly string[];
  /** Where the keys come from, for messages: the name of a variable or a file. */
  readonly source: string;
  /** @param context what the bytes belong to; the same text is needed to unwrap */
  wrap(bytes: Uint8Array, context: string, keyId?: string): Promise<Wrapped>;
  /** @throws Error when there is no such key, or key, bytes and context do not belong together */
  unwrap(wrapped: Wrapped, context: string): Promise<Buffer>;
}

/** One use of a tenant's secret. Each is recorded with who and why. */
export interface SecretUse {
  tenantId: string;
  name: string;
  /** When given, a secret of another kind counts as absent. */
  kind?: 'model_key' | 'tool_credential' | 'webhook_secret' | 'other';
  /** A version of its own, for instance the one before a rotation; default: the newest that is not disabled. */
  version?: number;
  actor: string;
  /** In a few words: `model call openai/gpt-5`. */
  purpose: string;
  runId?: string;
}

/** The values of tenants' secrets, for the parts of the server that use them. */
export interface Secrets {
  /**
   * The value, or null when the tenant has no such secret; that there is none may be known for up to 30 seconds.
   * @throws DomainError SECRET_UNAVAILABLE when it has expired or was disabled
   */
  find(use: SecretUse): Promise<string | null>;
  /** @throws DomainError NOT_FOUND when there is none; SECRET_UNAVAILABLE */
  resolve(use: SecretUse): Promise<string>;
  /** Names of the tenant's secrets of a kind; no use of them. */
  names(tenantId: string, kind: NonNullable<SecretUse['kind']>): Promise<string[]>;
}
