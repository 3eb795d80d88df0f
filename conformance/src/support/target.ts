function setting(name: string): string | undefined {
  const value = process.env[name];
  return value === undefined || value === '' ? undefined : value;
}

function required(name: string): string {
  const value = setting(name);
  if (value === undefined) throw new Error(`${name} must be set: the suite tests a running server.`);
  return value;
}

/** The server under test and what the suite may use of it. */
export const target = {
  url: required('HOLDFAST_URL').replace(/\/$/, ''),
  /** Of scope admin. */
  apiKey: required('HOLDFAST_API_KEY'),
  /** Of another tenant, if there is one. */
  otherApiKey: setting('HOLDFAST_OTHER_API_KEY'),
  /** A user's login, if there is one. */
  email: setting('HOLDFAST_EMAIL'),
  password: setting('HOLDFAST_PASSWORD'),
  /** One of API_KEYS, if there is one. */
  fleetKey: setting('HOLDFAST_FLEET_KEY'),
  /** CHAT_HMAC_SECRET, if there is one. */
  hmacSecret: setting('HOLDFAST_HMAC_SECRET'),
  /** Whether anybody may register, and the mails that wait can be read. */
  openToRegistration: setting('HOLDFAST_REGISTRATION') === 'open',
  /** Whether the server believes the X-Forwarded-For of this machine. */
  trustsForwarded: setting('HOLDFAST_TRUSTS_FORWARDED') === 'true',
  fuzzSeconds: Number(setting('HOLDFAST_FUZZ_SECONDS') ?? 15),
  fuzzSeed: setting('HOLDFAST_FUZZ_SEED'),
};
