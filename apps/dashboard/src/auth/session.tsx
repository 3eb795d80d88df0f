import { createClient, HoldfastError, type Client } from '@holdfast/sdk';
import { useQueryClient } from '@tanstack/react-query';
import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { readStored, writeStored } from '../lib/storage.ts';

const KEY = 'holdfast.login';
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Who is logged in, in this window only. */
export interface Login {
  token: string;
  /** ISO 8601. */
  expiresAt: string;
  email: string;
}

export interface Auth {
  login: Login | null;
  /** The last login ended by itself, not by logging out. */
  expired: boolean;
  client: Client;
  logIn(email: string, password: string): Promise<void>;
  logOut(expired?: boolean): void;
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

export function isUnauthorized(error: unknown): boolean {
  return error instanceof HoldfastError && error.status === 401;
}

export function AuthProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [login, setLogin] = useState<Login | null>(readLogin);
  const [expired, setExpired] = useState(false);
  const token = login?.token ?? null;
  const client = useMemo(() => createClient({ baseUrl: '', token: () => token }), [token]);

  const logOut = useCallback(
    (byItself = false) => {
      writeStored('session', KEY, null);
      setLogin(null);
      setExpired(byItself);
      queries.clear();
    },
    [queries],
  );

  const logIn = useCallback(async (email: string, password: string) => {
    const answer = await createClient({ baseUrl: '' }).auth.login({ email, password });
    const next = { token: answer.accessToken, expiresAt: answer.expiresAt, email: answer.user.email };
    writeStored('session', KEY, JSON.stringify(next));
    setExpired(false);
    setLogin(next);
  }, []);

  useEffect(() => {
    if (login === null) return;
    const left = Math.min(Date.parse(login.expiresAt) - Date.now(), LONGEST_TIMER_MS);
    const timer = setTimeout(() => logOut(true), left);
    return () => clearTimeout(timer);
  }, [login, logOut]);

  const value = useMemo(
    () => ({ login, expired, client, logIn, logOut }),
    [login, expired, client, logIn, logOut],
  );
  return <AuthContext value={value}>{children}</AuthContext>;
}

function readLogin(): Login | null {
  try {
    const stored = JSON.parse(readStored('session', KEY) ?? 'null') as Login | null;
    return stored !== null && Date.parse(stored.expiresAt) > Date.now() ? stored : null;
  } catch {
    return null;
  }
}
