import type { TwoFactorChallenge } from '@holdfast/protocol';
import { HoldfastError } from '@holdfast/sdk';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Button } from '../component/button.tsx';
import { TextField } from '../component/field.tsx';
import { Form } from '../component/form.tsx';
import { SuccessNotice } from '../component/notice.tsx';
import { CodeForm } from './code-form.tsx';
import { useAuth } from './session.tsx';

/** E-mail and password, then the second factor of those who have one. */
export function LoginForm() {
  const [challenge, setChallenge] = useState<TwoFactorChallenge | null>(null);
  if (challenge !== null) return <CodeForm challenge={challenge} onBack={() => setChallenge(null)} />;
  return <PasswordForm onChallenge={setChallenge} />;
}

function PasswordForm({ onChallenge }: { onChallenge: (challenge: TwoFactorChallenge) => void }) {
  const { client, keeper } = useAuth();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const attempt = useMutation({
    mutationFn: async () => {
      const given = { email: email.trim(), password };
      // Tried once: a person decides whether a limit is waited for.
      keeper.begin(await client.auth.login(given, { attempts: 1 }));
    },
    onError: (error) => {
      if (isCode(error, 'TWO_FACTOR_REQUIRED'))
        onChallenge((error as HoldfastError).details as unknown as TwoFactorChallenge);
    },
  });
  return (
    <>
      <Form label="Log in" attempt={attempt} action="Log in" busy="Logging in…">
        <TextField
          label="E-mail"
          type="email"
          name="email"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={setEmail}
        />
        <TextField
          label="Password"
          type="password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={setPassword}
        />
      </Form>
      {isCode(attempt.error, 'EMAIL_NOT_VERIFIED') && <ResendVerification email={email.trim()} />}
    </>
  );
}

/** For an address that has to be proven before its owner may log in. */
export function ResendVerification({ email }: { email: string }) {
  const { client } = useAuth();
  const resend = useMutation({
    mutationFn: () => client.account.resendVerification({ email }, { attempts: 1 }),
  });
  if (resend.isSuccess) return <SuccessNotice>{resend.data.message}</SuccessNotice>;
  return (
    <Button disabled={resend.isPending} onClick={() => resend.mutate()}>
      Mail the link again
    </Button>
  );
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof HoldfastError && error.code === code;
}
