import type { TwoFactorChallenge } from '@holdfast/protocol';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Button } from '../component/button.tsx';
import { TextField } from '../component/field.tsx';
import { Form } from '../component/form.tsx';
import { ErrorNotice } from '../component/notice.tsx';
import { readCode } from './read-code.ts';
import { useAuth } from './session.tsx';

/** The second step of a login: one field for either kind of code. */
export function CodeForm({ challenge, onBack }: { challenge: TwoFactorChallenge; onBack: () => void }) {
  const { client, keeper } = useAuth();
  const [text, setText] = useState('');
  const isOver = useIsOver(challenge.expires_at);
  const attempt = useMutation({
    mutationFn: async () => {
      const given = { challenge_token: challenge.challenge_token, ...readCode(text) };
      keeper.begin(await client.twoFactor.verify(given));
    },
    // The next one is typed from the beginning.
    onError: () => setText(''),
  });
  return (
    <>
      <p className="text-sm">Your account has a second factor.</p>
      {isOver && <ErrorNotice error="Too much time has passed. Start again with your password." />}
      <Form
        label="Second factor"
        attempt={attempt}
        action="Continue"
        busy="Checking…"
        disabled={isOver}
        more={<Button onClick={onBack}>Start again</Button>}
      >
        <TextField
          label="Code"
          name="code"
          hint="Six digits from your authenticator app, or one of your backup codes."
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          required
          autoFocus
          maxLength={40}
          value={text}
          onChange={setText}
        />
      </Form>
    </>
  );
}

function useIsOver(endsAt: string): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setOver(true), Math.max(0, Date.parse(endsAt) - Date.now()));
    return () => clearTimeout(timer);
  }, [endsAt]);
  return isOver;
}
