import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { Mark } from '../layout/mark.tsx';
import { usePageTitle } from '../layout/page-title.ts';
import { ThemeToggle } from '../layout/theme-toggle.tsx';
import { useAuth } from './session.tsx';

/** The frame of pages for those who are not logged in, or need not be. */
export function Entrance(props: {
  title: string;
  /** The name of the page; the product's when left out. */
  heading?: string;
  foot?: ReactNode;
  children: ReactNode;
}) {
  usePageTitle(props.title);
  return (
    <main className="relative grid min-h-full place-items-center p-6">
      <div className="absolute top-4 right-4">
        <ThemeToggle />
      </div>
      <div className="w-full max-w-sm">
        <div className="mb-8 flex items-center justify-center gap-3">
          <Mark className="size-9" />
          <h1 className="text-2xl font-semibold tracking-tight">{props.heading ?? 'Holdfast'}</h1>
        </div>
        <div className="grid gap-4 rounded-xl border bg-card p-6 shadow-sm">{props.children}</div>
        {props.foot !== undefined && (
          <div className="mt-4 grid justify-items-center gap-2 text-center text-sm">{props.foot}</div>
        )}
      </div>
    </main>
  );
}

export const LINK = 'text-primary underline underline-offset-2';

export function BackToLogin() {
  const { login } = useAuth();
  return (
    <Link href="/" className={LINK}>
      {login === null ? 'Go to the log-in page' : 'Go to the sessions'}
    </Link>
  );
}
