import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { Form } from '../../component/form.tsx';
import { CodeField, digitsOf } from './code-field.tsx';

/** Replaces the backup codes. */
export function TwoFactorRegenerate(props: {
  onDone: (codes: readonly string[]) => void;
  onCancel: () => void;
}) {
  const client = useClient();
  const [code, setCode] = useState('');
  const regenerate = useMutation({
    mutationFn: () => client.twoFactor.regenerateBackupCodes({ code: digitsOf(code) }),
    onSuccess: ({ backup_codes }) => props.onDone(backup_codes),
    onError: () => setCode(''),
  });
  return (
    <Form
      label="New backup codes"
      attempt={regenerate}
      action="Make new codes"
      busy="Checking…"
      className="max-w-md"
      more={<Button onClick={props.onCancel}>Cancel</Button>}
    >
      <p className="text-sm">Your earlier backup codes are worth nothing any more after that.</p>
      <CodeField autoFocus value={code} onChange={setCode} />
    </Form>
  );
}
