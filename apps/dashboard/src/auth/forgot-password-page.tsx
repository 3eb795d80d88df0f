import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { TextField } from '../component/field.tsx';
import { Form } from '../component/form.tsx';
import { SuccessNotice } from '../component/notice.tsx';
import { BackToLogin, Entrance } from './entrance.tsx';
import { useClient } from './session.tsx';

export default function ForgotPasswordPage() {
  const client = useClient();
  const [email, setEmail] = useState('');
  const request = useMutation({
    mutationFn: () => client.account.requestPasswordReset({ email: email.trim() }, { attempts: 1 }),
  });
  return (
    <Entrance title="Forgot password" heading="New password" foot={<BackToLogin />}>
      {request.isSuccess ? (
        <SuccessNotice>{request.data.message}</SuccessNotice>
      ) : (
        <Form label="Forgot password" attempt={request} action="Mail me a link" busy="Asking…">
          <p className="text-sm text-muted-foreground">
            A link for choosing a new password is mailed to your address. It is of use once, within an hour.
          </p>
          <TextField
            label="E-mail"
            type="email"
            autoComplete="username"
            required
            autoFocus
            value={email}
            onChange={setEmail}
          />
        </Form>
      )}
    </Entrance>
  );
}
