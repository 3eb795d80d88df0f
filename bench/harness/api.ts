import { Pool } from 'undici';

/** A keep-alive JSON client with a fixed number of connections. */
export class Api {
  readonly url: string;
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;

  constructor(url: string, apiKey: string, connections = 16) {
    this.url = url;
    this.#pool = new Pool(url, { connections, pipelining: 1 });
    this.#headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  }

  /** @returns the `data` of the answer. @throws with the answer's text unless the status is 2xx */
  async post<T>(path: string, body: unknown): Promise<T> {
    const response = await this.#pool.request({
      method: 'POST',
      path,
      headers: this.#headers,
      body: JSON.stringify(body),
    });
    const text = await response.body.text();
    if (response.statusCode >= 300) throw new Error(`${path}: ${response.statusCode} ${text}`);
    return (JSON.parse(text) as { data: T }).data;
  }

  /** @returns the `data` of the answer. @throws unless the status is 200 */
  async get<T>(path: string): Promise<T> {
    const response = await this.#pool.request({ method: 'GET', path, headers: this.#headers });
    const text = await response.body.text();
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${text}`);
    return (JSON.parse(text) as { data: T }).data;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

/** A session whose log the caller writes, as its holder. */
export class HeldSession {
  readonly path: string;
  readonly #api: Api;
  readonly #epoch: number;

  private constructor(api: Api, id: string, epoch: number) {
    this.#api = api;
    this.#epoch = epoch;
    this.path = `/api/v1/sessions/${id}/events`;
  }

  static async create(api: Api, projectId: string): Promise<HeldSession> {
    const { id } = await api.post<{ id: string }>('/api/v1/sessions', {
      project_id: projectId,
      executor: 'external',
    });
    const lease = await api.post<{ epoch: number }>(`/api/v1/sessions/${id}/lease`, { holder: 'bench' });
    return new HeldSession(api, id, lease.epoch);
  }

  /** Body of a request that appends these. */
  body(events: readonly object[]): object {
    return { epoch: this.#epoch, events: events.map((data) => ({ type: 'bench.tick', data })) };
  }

  append(events: readonly object[]): Promise<{ events: { seq: number }[] }> {
    return this.#api.post(this.path, this.body(events));
  }

  /** Appends `count` events, `size` in a request and `window` requests at a time. */
  async fill(count: number, make: (index: number) => object, { size = 1, window = 4 } = {}): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < count) {
        const from = next;
        next = Math.min(count, from + size);
        await this.append(Array.from({ length: next - from }, (_, index) => make(from + index)));
      }
    };
    await Promise.all(Array.from({ length: window }, worker));
  }
}
