import { pino, type DestinationStream, type LevelWithSilent, type Logger } from 'pino';

const SECRET_KEYS = [
  'authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-sheen-signature',
  'x-session-secret',
  'api_key',
  'apiKey',
  'password',
  'token',
  'accessToken',
  'secret',
  'key',
];

/**
 * Bearer tokens, JWTs, our own keys and those of model providers and webhooks, wherever they turn up in a line.
 * A JWT begins where a word does: looked for after each dash as well, a long line would take quadratic time.
 */
const SECRET_VALUES =
  /Bearer +[\w.~+/=-]{8,}|(?<![\w-])eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\b(?:hfr?_|tfc_|sk-|whsec_)[\w+/=-]{12,}/g;

const REDACTED = '[redacted]';

function redactedPaths(): string[] {
  return SECRET_KEYS.flatMap((key) => {
    const name = `["${key}"]`;
    return [name, `*${name}`, `*.*${name}`, `*.*.*${name}`];
  });
}

interface LoggableError {
  type: string;
  message: string;
  stack?: string;
  code?: unknown;
  cause?: LoggableError;
}

/** Only the named parts: drivers attach row values and parameters to their errors. */
function describeError(error: unknown, depth = 0): LoggableError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { code } = error as Error & { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(code === undefined ? {} : { code }),
    ...(error.cause === undefined || depth > 3 ? {} : { cause: describeError(error.cause, depth + 1) }),
  };
}

/**
 * JSON lines with secrets removed by field name and by the look of the value.
 * @param destination stdout if absent
 */
export function createLogger(level: LevelWithSilent, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: (error: unknown) => describeError(error) },
    redact: { paths: redactedPaths(), censor: REDACTED },
    hooks: { streamWrite: (line: string) => line.replaceAll(SECRET_VALUES, REDACTED) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
