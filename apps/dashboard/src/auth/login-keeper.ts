import type { Access, Login } from '@holdfast/protocol';
import { createClient, HoldfastError } from '@holdfast/sdk';
import { readStored, writeStored } from '../lib/storage.ts';
import { LoginWindows, type KeptLogin } from './login-windows.ts';

const KEY = 'holdfast.login';
/** So long before its end a token is replaced. */
const MARGIN_MS = 5 * 60_000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const RETRY_MS = 15_000;
/** When new tokens are refused so often in so short a time, yet another one will be no better. */
const MAX_REFUSALS = 3;
const REFUSALS_MS = 30_000;

/** Why nobody is logged in any more: logged out here, too old, or ended by the server. */
export type Ending = 'left' | 'expired' | 'revoked';

export interface LoginState {
  login: Login | null;
  ending: Ending | null;
}

/** The login of this window: kept for a reload, renewed before its token ends, shared with duplicated windows. */
export class LoginKeeper {
  #kept: KeptLogin | null = readKept();
  #state: LoginState = { login: this.#kept?.login ?? null, ending: null };
  #renewing: Promise<void> | null = null;
  #refusals: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();
  readonly #open = createClient({ baseUrl: '' });
  readonly #windows = new LoginWindows({
    current: () => this.#kept,
    onChanged: (kept) => this.#adopt(kept),
    onEnded: () => this.#forget('left'),
  });

  constructor() {
    this.#schedule();
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getState = (): LoginState => this.#state;

  /** Begins with a login that the server has just made. */
  begin(login: Login): void {
    this.#adopt({ family: newFamily(), version: 1, login });
  }

  /** Changes to another team of the same login. */
  switch(access: Access): void {
    if (this.#kept === null) return;
    this.#change({ ...this.#kept.login, ...access });
  }

  /** The team that is open has another name now. */
  rename(tenantName: string): void {
    if (this.#kept !== null) this.#change({ ...this.#kept.login, tenantName });
  }

  /** Logs out here at once; the server is told beside it. */
  leave(): void {
    const kept = this.#kept;
    if (kept === null) return;
    const { accessToken } = kept.login;
    this.#forget('left');
    this.#windows.tellEnded(kept.family);
    // Nobody waits for it, and an answer that the login had ended already is as good.
    createClient({ baseUrl: '', token: accessToken })
      .auth.logout()
      .catch(() => undefined);
  }

  /** For each request: a token that is valid for a while yet. @throws HoldfastError */
  readonly token = async (): Promise<string | null> => {
    if (this.#kept !== null && msLeft(this.#kept) < MARGIN_MS) {
      await this.#renew().catch((error: unknown) => {
        // The present one is still good for this request.
        if (this.#kept === null || msLeft(this.#kept) <= 0) throw error;
      });
    }
    return this.#kept?.login.accessToken ?? null;
  };

  /** The server refused the token. @returns whether another one was had, so that it is worth a second try */
  async refused(): Promise<boolean> {
    if (this.#kept === null) return false;
    // Several requests are refused at once; one new token serves them all.
    if (this.#renewing === null) this.#refusals = [...this.#refusals.filter(isRecent), Date.now()];
    if (this.#refusals.length > MAX_REFUSALS) {
      this.#forget('revoked');
      return false;
    }
    return this.#renew().then(
      () => this.#kept !== null,
      () => false,
    );
  }

  #renew(): Promise<void> {
    this.#renewing ??= this.#fetchTokens().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  async #fetchTokens(): Promise<void> {
    const before = this.#kept;
    if (before === null) return;
    await this.#windows.ask(before);
    if (this.#kept !== before) return;
    try {
      const login = await this.#open.auth.refresh(before.login.refreshToken);
      if (this.#kept === before) this.#change(login);
    } catch (error) {
      const isOver = error instanceof HoldfastError && error.status === 401;
      if (isOver && this.#kept === before)
        this.#forget(Date.parse(before.login.refreshExpiresAt) > Date.now() ? 'revoked' : 'expired');
      throw error;
    }
  }

  #change(login: Login): void {
    const { family, version } = this.#kept!;
    const kept = { family, version: version + 1, login };
    this.#adopt(kept);
    this.#windows.tellChanged(kept);
  }

  #adopt(kept: KeptLogin): void {
    this.#kept = kept;
    this.#publish({ login: kept.login, ending: null });
  }

  #forget(ending: Ending): void {
    this.#kept = null;
    this.#publish({ login: null, ending });
  }

  #publish(state: LoginState): void {
    writeStored('session', KEY, this.#kept === null ? null : JSON.stringify(this.#kept));
    this.#state = state;
    this.#schedule();
    for (const listener of this.#listeners) listener();
  }

  /** Renews by itself, as a followed stream asks for no token while it is open. */
  #schedule(pauseMs = 0): void {
    clearTimeout(this.#timer);
    if (this.#kept === null) return;
    const wait = Math.max(msLeft(this.#kept) - MARGIN_MS, pauseMs);
    const renew = (): void => void this.#renew().catch(() => this.#schedule(RETRY_MS));
    this.#timer = setTimeout(renew, Math.min(wait, LONGEST_TIMER_MS));
  }
}

function msLeft({ login }: KeptLogin): number {
  return Date.parse(login.expiresAt) - Date.now();
}

const isRecent = (at: number): boolean => Date.now() - at < REFUSALS_MS;

function newFamily(): string {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join('-');
}

function readKept(): KeptLogin | null {
  try {
    const kept = JSON.parse(readStored('session', KEY) ?? 'null') as KeptLogin | null;
    return kept !== null && Date.parse(kept.login.refreshExpiresAt) > Date.now() ? kept : null;
  } catch {
    return null;
  }
}
