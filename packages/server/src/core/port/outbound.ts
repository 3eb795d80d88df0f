export interface OutboundRequest {
  /** Default GET. */
  method?: 'GET' | 'POST';
  headers?: Readonly<Record<string, string>>;
  /** Sent byte for byte. */
  body?: string | Uint8Array<ArrayBuffer>;
  /** Ends connecting, waiting and reading. */
  signal: AbortSignal;
}

/** Disposing of it closes the connection, whatever of the body is still to come. */
export interface OutboundResponse extends AsyncDisposable {
  readonly status: number;
  header(name: string): string | null;
  /** Decompressed. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Requests to addresses that somebody else chose: only the public internet is reached. */
export interface Outbound {
  /** @throws DomainError VALIDATION_ERROR for what is no absolute http(s) address, or carries a user name */
  check(url: string, base?: URL): URL;
  /**
   * One request on a connection of its own, without proxies. Redirects are not followed: their target is checked anew.
   * @throws DomainError EXTERNAL_SERVICE_ERROR, the same for a private address as for any that cannot be reached;
   *   VALIDATION_ERROR as `check`; the reason of `signal`
   */
  send(url: URL, request: OutboundRequest): Promise<OutboundResponse>;
}
