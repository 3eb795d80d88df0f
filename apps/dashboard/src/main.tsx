import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import { LoginKeeper } from './auth/login-keeper.ts';
import { AuthProvider } from './auth/session.tsx';
import './styles.css';

const keeper = new LoginKeeper();

/** One that was loaded just now would not be better for being loaded again. */
const OLD_MS = 10_000;

// A page from before an update asks for files that are there no more.
addEventListener('vite:preloadError', () => {
  if (performance.now() > OLD_MS) location.reload();
});

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <AuthProvider keeper={keeper}>
      <App />
    </AuthProvider>
  </StrictMode>,
);
