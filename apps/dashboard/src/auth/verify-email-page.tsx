import { useMutation } from '@tanstack/react-query';
import { Form } from '../component/form.tsx';
import { ErrorNotice, SuccessNotice } from '../component/notice.tsx';
import { BackToLogin, Entrance } from './entrance.tsx';
import { useLinkToken } from './link-token.ts';
import { useClient } from './session.tsx';

/** Where the mailed link for a new address leads to. Programs that only look at links of mails press no button. */
export default function VerifyEmailPage() {
  const client = useClient();
  const token = useLinkToken();
  const verify = useMutation({
    mutationFn: () => client.account.verifyEmail({ token }, { attempts: 1 }),
  });
  return (
    <Entrance title="Confirm e-mail" heading="Your e-mail address" foot={<BackToLogin />}>
      {token === '' && <ErrorNotice error="This address is not complete. Open the link in the mail again." />}
      {verify.isSuccess ? (
        <SuccessNotice>{verify.data.email} is confirmed.</SuccessNotice>
      ) : (
        <Form
          label="Confirm e-mail"
          attempt={verify}
          action="Confirm the address"
          busy="Confirming…"
          disabled={token === ''}
        >
          <p className="text-sm text-muted-foreground">
            Confirm that the address this link came to is yours.
          </p>
        </Form>
      )}
    </Entrance>
  );
}
