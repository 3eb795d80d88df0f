import { setTimeout as pause } from 'node:timers/promises';

export interface Answer {
  status: number;
  // The tests read what the protocol says is there; a missing field shows up as a violation.
  data: Record<string, unknown>;
  body: Record<string, unknown>;
  /** The request had to be sent more than once. */
  retried: boolean;
}

interface Send {
  body?: unknown;
  key?: string;
}

const ATTEMPT_MS = 20_000;
const RETRY_MS = 100;
const GIVE_UP_MS = 90_000;

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};

/** A client that repeats whatever was not answered, with the same body and the same key, until it is. */
export class Client {
  readonly #credential: string;
  url: string;
  retries = 0;
  /** Answers 5xx by status. */
  readonly failures = new Map<number, number>();
  readonly complaints: string[] = [];

  constructor(url: string, credential: string) {
    this.url = url;
    this.#credential = credential;
  }

  get headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#credential}` };
  }

  get(path: string): Promise<Answer> {
    return this.send('GET', path);
  }

  post(path: string, body: unknown, key?: string): Promise<Answer> {
    return this.send('POST', path, { body, ...(key === undefined ? {} : { key }) });
  }

  /** @throws when no answer but 5xx came for a minute and a half */
  async send(method: string, path: string, { body, key }: Send = {}): Promise<Answer> {
    const giveUpAt = performance.now() + GIVE_UP_MS;
    for (let retried = false; ; retried = true) {
      try {
        const answer = await this.#attempt(method, path, body, key);
        const inFlight = answer.body['code'] === 'IDEMPOTENCY_IN_FLIGHT';
        if (answer.status < 500 && !inFlight) return { ...answer, retried };
        if (!inFlight) this.#noteFailure(method, path, answer);
      } catch (error) {
        if (!isNetworkFailure(error)) throw error;
      }
      this.retries += 1;
      if (performance.now() > giveUpAt) throw new Error(`${method} ${path} was never answered`);
      await pause(RETRY_MS);
    }
  }

  /** All pages of a list, in order. */
  async list<T>(path: string, limit: number): Promise<{ items: T[]; last: Answer }> {
    const items: T[] = [];
    const join = path.includes('?') ? '&' : '?';
    const cursorName = path.includes('/events') ? 'after' : 'cursor';
    for (let cursor: string | null = null; ;) {
      const from: string = cursor === null ? '' : `&${cursorName}=${cursor}`;
      const last = await this.get(`${path}${join}limit=${limit}${from}`);
      if (last.status !== 200) throw new Error(`GET ${path}: ${JSON.stringify(last.body)}`);
      items.push(...(last.body['data'] as T[]));
      cursor = asRecord(last.body['pagination'])['next_cursor'] as string | null;
      if (cursor === null) return { items, last };
    }
  }

  async #attempt(
    method: string,
    path: string,
    body: unknown,
    key?: string,
  ): Promise<Omit<Answer, 'retried'>> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...this.headers,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ATTEMPT_MS),
    });
    const text = await response.text();
    const parsed = asRecord(text === '' ? null : JSON.parse(text));
    return { status: response.status, body: parsed, data: asRecord(parsed['data']) };
  }

  /** A server that cannot answer just now says so with 503; anything else is a defect. */
  #noteFailure(method: string, path: string, { status, body }: Omit<Answer, 'retried'>): void {
    this.failures.set(status, (this.failures.get(status) ?? 0) + 1);
    if (status !== 503) this.complaints.push(`${method} ${path} answered ${status} ${JSON.stringify(body)}`);
  }
}

/** What fetch throws when the connection is refused, cut or silent; JSON cut short counts too. */
function isNetworkFailure(error: unknown): boolean {
  if (error instanceof SyntaxError) return true;
  return error instanceof Error && (error instanceof TypeError || error.name === 'TimeoutError');
}
