import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { NewPasswordField } from '../../auth/new-password-field.tsx';
import { useClient } from '../../auth/session.tsx';
import { TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { SuccessNotice } from '../../component/notice.tsx';
import { Section } from '../section.tsx';

export function PasswordSection() {
  const client = useClient();
  const queries = useQueryClient();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useMutation({
    mutationFn: () =>
      client.account.changePassword({ current_password: current, new_password: next }, { attempts: 1 }),
    onSuccess: () => {
      setCurrent('');
      setNext('');
      return queries.invalidateQueries({ queryKey: ['logins'] });
    },
  });
  return (
    <Section title="Password" text="Your other logins end when it changes.">
      <Form
        label="Password"
        attempt={change}
        action="Change the password"
        busy="Changing…"
        className="max-w-md"
      >
        <TextField
          label="Current password"
          type="password"
          autoComplete="current-password"
          required
          value={current}
          onChange={setCurrent}
        />
        <NewPasswordField value={next} onChange={setNext} />
        {change.isSuccess && (
          <SuccessNotice>
            The password is changed. Other logins that ended: {change.data.revoked_logins}.
          </SuccessNotice>
        )}
      </Form>
    </Section>
  );
}
