import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { AuthProvider, isUnauthorized } from './auth/session.tsx';
import './styles.css';

/** Told by whoever holds the login; a refused credential may be noticed by any request. */
const onRefused = { current: (): void => undefined };
const watch = (error: Error): void => {
  if (isUnauthorized(error)) onRefused.current();
};

const queries = new QueryClient({
  queryCache: new QueryCache({ onError: watch }),
  mutationCache: new MutationCache({ onError: watch }),
  // The SDK already repeats what is worth repeating.
  defaultOptions: { queries: { retry: false, staleTime: 2_000 }, mutations: { retry: false } },
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <AuthProvider>
        <App onRefused={onRefused} />
      </AuthProvider>
    </QueryClientProvider>
  </StrictMode>,
);
