import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { Form } from '../component/form.tsx';
import { ErrorNotice, SuccessNotice } from '../component/notice.tsx';
import { BackToLogin, Entrance, LINK } from './entrance.tsx';
import { useLinkToken } from './link-token.ts';
import { NewPasswordField } from './new-password-field.tsx';
import { useClient } from './session.tsx';

/** Where the mailed link for a new password leads to. */
export default function ResetPasswordPage() {
  const client = useClient();
  const token = useLinkToken();
  const [password, setPassword] = useState('');
  const confirm = useMutation({
    mutationFn: () => client.account.confirmPasswordReset({ token, password }, { attempts: 1 }),
  });
  const again = (
    <Link href="/forgot-password" className={LINK}>
      Ask for another link
    </Link>
  );
  return (
    <Entrance title="New password" heading="New password" foot={<BackToLogin />}>
      {token === '' && <ErrorNotice error="This address is not complete. Open the link in the mail again." />}
      {confirm.isSuccess ? (
        <SuccessNotice>
          Your password is changed. Log in with it; every earlier login has ended.
        </SuccessNotice>
      ) : (
        <Form
          label="Choose a new password"
          attempt={confirm}
          action="Change the password"
          busy="Changing…"
          disabled={token === ''}
          more={again}
        >
          <NewPasswordField autoFocus value={password} onChange={setPassword} />
        </Form>
      )}
    </Entrance>
  );
}
