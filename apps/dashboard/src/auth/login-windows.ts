import type { Login } from '@holdfast/protocol';

const CHANNEL = 'holdfast.login';
const PATIENCE_MS = 60;

/** A login as a window keeps it. */
export interface KeptLogin {
  /** The same in every window that was duplicated from one. */
  family: string;
  /** Rises with each change of the tokens. */
  version: number;
  login: Login;
}

type News =
  | { kind: 'changed'; kept: KeptLogin }
  | { kind: 'ended'; family: string }
  | { kind: 'asked'; family: string; version: number };

interface Handlers {
  current(): KeptLogin | null;
  onChanged(kept: KeptLogin): void;
  onEnded(): void;
}

/**
 * A duplicated window has the same refresh token, which is of use once: so windows of one login tell each
 * other of new tokens, and ask before they fetch some themselves.
 */
export class LoginWindows {
  readonly #channel = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel(CHANNEL);
  readonly #handlers: Handlers;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
    this.#channel?.addEventListener('message', ({ data }: MessageEvent<News>) => this.#take(data));
  }

  tellChanged(kept: KeptLogin): void {
    this.#tell({ kind: 'changed', kept });
  }

  tellEnded(family: string): void {
    this.#tell({ kind: 'ended', family });
  }

  /** Resolves when others had time to answer with newer tokens. */
  async ask({ family, version }: KeptLogin): Promise<void> {
    if (this.#channel === null) return;
    this.#tell({ kind: 'asked', family, version });
    await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  }

  #take(news: News): void {
    const own = this.#handlers.current();
    if (own === null) return;
    if (news.kind === 'changed' && news.kept.family === own.family && news.kept.version > own.version)
      this.#handlers.onChanged(news.kept);
    if (news.kind === 'ended' && news.family === own.family) this.#handlers.onEnded();
    if (news.kind === 'asked' && news.family === own.family && news.version < own.version)
      this.tellChanged(own);
  }

  #tell(news: News): void {
    this.#channel?.postMessage(news);
  }
}
