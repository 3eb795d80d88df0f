import type { Authenticators, NewAuthenticator } from '../../core/ports.ts';
import { Sealer } from './sealer.ts';

const PURPOSE = 'holdfast second factor 1';
const PERIOD_S = 30;
const SECRET_BYTES = 20;
const WINDOW = 1;
const RFC_6238 = { algorithm: 'SHA1', digits: 6, period: PERIOD_S } as const;

export interface AuthenticatorOptions {
  /** The installation's secret, at least 32 characters. */
  secret: string;
  /** The one before, while it is replaced: opens what is not yet encrypted under the new one. */
  previousSecret?: string;
  /** Shown in the app. */
  issuer?: string;
}

/** otpauth and qr are loaded when the first second factor is set up or checked. */
const loadOtp = () => import('otpauth');

/** Codes by otpauth; their secrets are encrypted with a key that only the installation's secret gives. */
export function createAuthenticators(options: AuthenticatorOptions): Authenticators {
  const { secret, previousSecret, issuer = 'Holdfast' } = options;
  const current = new Sealer(secret, PURPOSE);
  const sealers = previousSecret === undefined ? [current] : [current, new Sealer(previousSecret, PURPOSE)];
  const open = (userId: string, sealed: string): string | null => {
    for (const sealer of sealers) {
      const opened = sealer.open(userId, sealed);
      if (opened !== null) return opened;
    }
    return null;
  };
  return {
    sealedPrefix: current.prefix,
    async create(userId, label) {
      const made = await makeAuthenticator(issuer, label);
      return { ...made, sealed: current.seal(userId, made.secret) };
    },
    reseal(userId, sealed) {
      const opened = open(userId, sealed);
      return opened === null ? null : current.seal(userId, opened);
    },
    async findStep({ userId, sealed, code, now }) {
      const opened = open(userId, sealed);
      if (opened === null) {
        throw new Error(
          'A second factor was encrypted under another JWT_SECRET; set JWT_SECRET_PREVIOUS to it.',
        );
      }
      const { Secret, TOTP } = await loadOtp();
      const own = { ...RFC_6238, secret: Secret.fromBase32(opened) };
      const delta = TOTP.validate({ ...own, token: code, timestamp: now, window: WINDOW });
      return delta === null ? null : Math.floor(now / 1000 / PERIOD_S) + delta;
    },
  };
}

async function makeAuthenticator(issuer: string, label: string): Promise<Omit<NewAuthenticator, 'sealed'>> {
  const [{ Secret, TOTP }, { encodeQR }] = await Promise.all([loadOtp(), import('qr')]);
  const secret = new Secret({ size: SECRET_BYTES });
  const uri = new TOTP({ ...RFC_6238, issuer, label, secret }).toString();
  return { secret: secret.base32, uri, qrSvg: encodeQR(uri, 'svg') };
}
