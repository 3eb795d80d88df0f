import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../component/button.tsx';
import { Field, Input } from '../component/field.tsx';
import { ErrorNotice } from '../component/notice.tsx';
import { Mark } from '../layout/mark.tsx';
import { usePageTitle } from '../layout/page-title.ts';
import { ThemeToggle } from '../layout/theme-toggle.tsx';
import { useAuth } from './session.tsx';

export function LoginPage() {
  usePageTitle('Log in');
  return (
    <main className="relative grid min-h-full place-items-center p-6">
      <div className="absolute top-4 right-4">
        <ThemeToggle />
      </div>
      <div className="w-full max-w-sm">
        <div className="mb-8 flex items-center justify-center gap-3">
          <Mark className="size-9" />
          <h1 className="text-2xl font-semibold tracking-tight">Holdfast</h1>
        </div>
        <LoginForm />
        <p className="mt-4 text-center text-xs text-muted-foreground">
          The first start of the server shows its login in the terminal.
        </p>
      </div>
    </main>
  );
}

function LoginForm() {
  const { logIn, expired } = useAuth();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const attempt = useMutation({ mutationFn: () => logIn(email.trim(), password) });
  return (
    <form
      className="grid gap-4 rounded-xl border bg-card p-6 shadow-sm"
      onSubmit={(event) => {
        event.preventDefault();
        attempt.mutate();
      }}
    >
      {expired && (
        <p role="status" className="rounded-md bg-muted px-3 py-2 text-sm">
          Your login has expired. Log in again to go on.
        </p>
      )}
      {attempt.isError && <ErrorNotice error={attempt.error} />}
      <Field label="E-mail">
        {(id) => (
          <Input
            id={id}
            type="email"
            name="email"
            autoComplete="username"
            required
            autoFocus
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        )}
      </Field>
      <Field label="Password">
        {(id) => (
          <Input
            id={id}
            type="password"
            name="password"
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.target.value)}
          />
        )}
      </Field>
      <Button type="submit" variant="primary" disabled={attempt.isPending}>
        {attempt.isPending ? 'Logging in…' : 'Log in'}
      </Button>
    </form>
  );
}
