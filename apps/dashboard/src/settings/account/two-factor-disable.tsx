import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { readCode } from '../../auth/read-code.ts';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { CodeField } from './code-field.tsx';

/** Turns the second factor off, which takes both factors. */
export function TwoFactorDisable({ onDone, onCancel }: { onDone: () => void; onCancel: () => void }) {
  const client = useClient();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const disable = useMutation({
    mutationFn: () => client.twoFactor.disable({ password, ...readCode(code) }),
    onSuccess: onDone,
    onError: () => setCode(''),
  });
  return (
    <Form
      label="Turn off the second factor"
      attempt={disable}
      action="Turn off"
      busy="Checking…"
      variant="destructive"
      className="max-w-md"
      more={<Button onClick={onCancel}>Cancel</Button>}
    >
      <TextField
        label="Password"
        type="password"
        autoComplete="current-password"
        required
        autoFocus
        value={password}
        onChange={setPassword}
      />
      <CodeField backup value={code} onChange={setCode} />
    </Form>
  );
}
