import type { Login } from '@holdfast/protocol';
import { createClient, HoldfastError, type Client } from '@holdfast/sdk';
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createContext, use, useMemo, useSyncExternalStore, type ReactNode } from 'react';
import type { LoginKeeper, LoginState } from './login-keeper.ts';

export interface Auth extends LoginState {
  /** Of whoever is logged in; the same one as long as it is the same user in the same team. */
  client: Client;
  keeper: LoginKeeper;
}

const AuthContext = createContext<Auth | null>(null);

export function useAuth(): Auth {
  const auth = use(AuthContext);
  if (auth === null) throw new Error('useAuth needs an AuthProvider above it.');
  return auth;
}

/** @returns the client of whoever is logged in */
export function useClient(): Client {
  return useAuth().client;
}

/** Who is logged in; only for pages that are shown to nobody else. */
export function useLogin(): Login {
  const { login } = useAuth();
  if (login === null) throw new Error('useLogin needs somebody who is logged in.');
  return login;
}

export function isUnauthorized(error: unknown): boolean {
  return error instanceof HoldfastError && error.status === 401;
}

/** What one user has seen in one team is never shown to another: each has a client and a cache of its own. */
export function AuthProvider({ keeper, children }: { keeper: LoginKeeper; children: ReactNode }) {
  const { login, ending } = useSyncExternalStore(keeper.subscribe, keeper.getState);
  const who = login === null ? '' : `${login.user.id} ${login.tenantId}`;
  const { client, queries } = useMemo(
    () => ({
      who,
      client: createClient({ baseUrl: '', token: keeper.token }),
      queries: createQueries(keeper),
    }),
    [keeper, who],
  );
  const value = useMemo(() => ({ login, ending, client, keeper }), [login, ending, client, keeper]);
  return (
    <QueryClientProvider client={queries}>
      <AuthContext value={value}>{children}</AuthContext>
    </QueryClientProvider>
  );
}

function createQueries(keeper: LoginKeeper): QueryClient {
  /** A refused credential may be noticed by any request. */
  const watch = (error: Error): void => {
    if (!isUnauthorized(error)) return;
    void keeper.refused().then((again) => (again ? queries.invalidateQueries() : undefined));
  };
  const queries = new QueryClient({
    queryCache: new QueryCache({ onError: watch }),
    mutationCache: new MutationCache({ onError: watch }),
    // The SDK already repeats what is worth repeating.
    defaultOptions: { queries: { retry: false, staleTime: 2_000 }, mutations: { retry: false } },
  });
  return queries;
}
