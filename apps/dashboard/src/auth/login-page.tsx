import { Link } from 'wouter';
import { useQuery } from '@tanstack/react-query';
import { Entrance, LINK } from './entrance.tsx';
import { LoginForm } from './login-form.tsx';
import { useAuth, useClient } from './session.tsx';

const NOTICES = {
  left: null,
  expired: 'Your login has expired. Log in again to go on.',
  revoked: 'Your login was ended. Log in again to go on.',
};

export function LoginPage() {
  const { ending } = useAuth();
  const client = useClient();
  const open = useQuery({
    queryKey: ['registration'],
    queryFn: ({ signal }) => client.account.registration({ signal }),
    staleTime: Infinity,
  });
  const notice = ending === null ? null : NOTICES[ending];
  return (
    <Entrance
      title="Log in"
      foot={
        <>
          <Link href="/forgot-password" className={LINK}>
            Forgot your password?
          </Link>
          {open.data?.registration === 'open' && (
            <Link href="/register" className={LINK}>
              Create an account
            </Link>
          )}
          <p className="text-xs text-muted-foreground">
            The first start of the server shows its login in the terminal.
          </p>
        </>
      }
    >
      {notice !== null && (
        <p role="status" className="rounded-md bg-muted px-3 py-2 text-sm">
          {notice}
        </p>
      )}
      <LoginForm />
    </Entrance>
  );
}
