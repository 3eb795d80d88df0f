/** A new secret of an authenticator app. All but `sealed` hold it in the clear. */
export interface NewAuthenticator {
  /** Base32, for typing it in. */
  secret: string;
  /** `otpauth://totp/...` */
  uri: string;
  /** The same as a QR code: an SVG document. */
  qrSvg: string;
  /** What is stored: encrypted, and worth nothing in another user's row. */
  sealed: string;
}

/** Time-based codes of authenticator apps (RFC 6238: SHA-1, six digits, steps of 30 s). */
export interface Authenticators {
  /** @param label shown in the app beside the issuer: the user's e-mail */
  create(userId: string, label: string): Promise<NewAuthenticator>;
  /**
   * Which step (30 s since 1970) this is the code of, one step around `now` in either direction.
   * @param now milliseconds since 1970
   * @returns null for a wrong code
   * @throws Error when the stored secret cannot be opened: the installation's secret is another one now
   */
  findStep(input: { userId: string; sealed: string; code: string; now: number }): Promise<number | null>;
  /** How what is sealed with the current key begins: letters, digits and dots. */
  readonly sealedPrefix: string;
  /** The same secret under the current key. @returns null when none of the keys opens it */
  reseal(userId: string, sealed: string): string | null;
}
