import { lazy, Suspense, useEffect } from 'react';
import { Route, Switch } from 'wouter';
import { LoginPage } from './auth/login-page.tsx';
import { useAuth } from './auth/session.tsx';
import { Loading } from './component/notice.tsx';

const loadInside = () => import('./inside.tsx');
const Inside = lazy(loadInside);
const ForgotPasswordPage = lazy(() => import('./auth/forgot-password-page.tsx'));
const ResetPasswordPage = lazy(() => import('./auth/reset-password-page.tsx'));
const VerifyEmailPage = lazy(() => import('./auth/verify-email-page.tsx'));
const RegisterPage = lazy(() => import('./auth/register-page.tsx'));
const InvitationPage = lazy(() => import('./auth/invitation-page.tsx'));

/** Every page and its path; the server answers these paths with the same document. */
export function App() {
  return (
    <Suspense fallback={<Loading className="p-8" />}>
      <Switch>
        <Route path="/forgot-password" component={ForgotPasswordPage} />
        <Route path="/reset-password" component={ResetPasswordPage} />
        <Route path="/verify-email" component={VerifyEmailPage} />
        <Route path="/register" component={RegisterPage} />
        <Route path="/invitation" component={InvitationPage} />
        <Route>
          <InsideOrLogin />
        </Route>
      </Switch>
    </Suspense>
  );
}

/** Without a login the path stays, so that logging in leads back to it. */
function InsideOrLogin() {
  const { login } = useAuth();
  useEffect(() => {
    // While the password is typed. A failure shows when the page is wanted.
    void loadInside().catch(() => undefined);
  }, []);
  return login === null ? <LoginPage /> : <Inside />;
}
