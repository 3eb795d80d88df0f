import { CircleQuestionMark, LogOut } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { useAuth } from '../auth/session.tsx';
import { Button } from '../component/button.tsx';
import { cn } from '../lib/class-names.ts';
import { Mark } from './mark.tsx';
import { ShortcutHelp } from './shortcut-help.tsx';
import { useShortcuts } from './shortcuts.ts';
import { toggleTheme } from './theme.ts';
import { ThemeToggle } from './theme-toggle.tsx';

const PLACES = [
  { href: '/sessions', label: 'Sessions' },
  { href: '/documents', label: 'Documents' },
  { href: '/settings', label: 'Settings' },
];

/** The frame around every page for those who are logged in. */
export function Shell({ children }: { children: ReactNode }) {
  const [location, navigate] = useLocation();
  const [help, setHelp] = useState(false);
  useShortcuts({
    '?': () => setHelp(true),
    t: toggleTheme,
    'g s': () => navigate('/sessions'),
    'g d': () => navigate('/documents'),
    'g t': () => navigate('/settings'),
  });
  return (
    <div className="flex h-full flex-col">
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-primary px-4 py-2 text-primary-foreground focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById('main')?.focus();
        }}
      >
        Skip to content
      </a>
      <header className="flex h-13 shrink-0 items-center gap-1 border-b bg-card px-4">
        <Link href="/sessions" className="mr-4 flex items-center gap-2 rounded-md" aria-label="Holdfast home">
          <Mark className="size-6" />
          <span className="hidden font-semibold tracking-tight sm:inline">Holdfast</span>
        </Link>
        <nav aria-label="Main" className="flex gap-1">
          {PLACES.map(({ href, label }) => {
            const here = location === href || location.startsWith(`${href}/`);
            return (
              <Link
                key={href}
                href={href}
                aria-current={here ? 'page' : undefined}
                className={cn(
                  'rounded-md px-3 py-1.5 font-medium text-muted-foreground hover:text-foreground',
                  here && 'bg-muted text-foreground',
                )}
              >
                {label}
              </Link>
            );
          })}
        </nav>
        <Account onHelp={() => setHelp(true)} />
      </header>
      <main id="main" tabIndex={-1} className="min-h-0 flex-1 outline-none">
        {children}
      </main>
      <ShortcutHelp open={help} onClose={() => setHelp(false)} />
    </div>
  );
}

function Account({ onHelp }: { onHelp: () => void }) {
  const { login, keeper } = useAuth();
  return (
    <div className="ml-auto flex items-center gap-1">
      <span className="mr-2 hidden max-w-80 truncate text-xs text-muted-foreground md:inline">
        {login?.user.email} · {login?.tenantName}
      </span>
      <Button
        variant="ghost"
        size="icon"
        aria-label="Keyboard shortcuts"
        title="Keyboard shortcuts (?)"
        onClick={onHelp}
      >
        <CircleQuestionMark aria-hidden="true" />
      </Button>
      <ThemeToggle />
      <Button variant="ghost" size="icon" aria-label="Log out" title="Log out" onClick={() => keeper.leave()}>
        <LogOut aria-hidden="true" />
      </Button>
    </div>
  );
}
