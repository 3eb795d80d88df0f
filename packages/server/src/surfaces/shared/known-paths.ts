interface KnownPath {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Which methods each registered path takes, for the Allow header of a 405. */
export class KnownPaths {
  readonly #paths = new Map<string, KnownPath>();

  /** @param url a route template: `/a/:id`, `/files/*` */
  add(url: string, methods: string | readonly string[]): void {
    let known = this.#paths.get(url);
    if (known === undefined) {
      known = { pattern: toPattern(url), methods: new Set() };
      this.#paths.set(url, known);
    }
    for (const method of [methods].flat()) known.methods.add(method);
  }

  /** Every `METHOD /path/:template`. */
  *routes(): Generator<string> {
    for (const [url, { methods }] of this.#paths) for (const method of methods) yield `${method} ${url}`;
  }

  /** @returns the methods the path takes, sorted; empty for an unknown path. */
  methodsOf(path: string): string[] {
    const methods = new Set<string>();
    for (const known of this.#paths.values()) {
      if (known.pattern.test(path)) for (const method of known.methods) methods.add(method);
    }
    return [...methods].sort();
  }
}

function toPattern(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.*';
    return part.startsWith(':') ? '[^/]+' : part.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${parts.join('/')}$`);
}
