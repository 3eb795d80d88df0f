import { useEffect } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { LoginPage } from './auth/login-page.tsx';
import { useAuth } from './auth/session.tsx';
import { Empty } from './component/notice.tsx';
import { DocumentsPage } from './document/documents-page.tsx';
import { Shell } from './layout/shell.tsx';
import { SessionPage } from './session/session-page.tsx';
import { SessionsPage } from './session/sessions-page.tsx';

/** Every page and its path; the server answers these paths with the same document. */
export function App({ onRefused }: { onRefused: { current: () => void } }) {
  const { login, logOut } = useAuth();
  useEffect(() => {
    onRefused.current = () => {
      if (login !== null) logOut(true);
    };
  }, [login, logOut, onRefused]);
  // The path stays, so that logging in leads back to it.
  if (login === null) return <LoginPage />;
  return (
    <Shell>
      <Switch>
        <Route path="/">
          <Redirect to="/sessions" replace />
        </Route>
        <Route path="/sessions">
          <SessionsPage />
        </Route>
        <Route path="/sessions/:id">{({ id }) => <SessionPage key={id} sessionId={id} />}</Route>
        <Route path="/documents">
          <DocumentsPage />
        </Route>
        <Route path="/documents/:projectId">
          {({ projectId }) => <DocumentsPage projectId={projectId} />}
        </Route>
        <Route>
          <div className="p-8">
            <Empty title="There is no such page." />
          </div>
        </Route>
      </Switch>
    </Shell>
  );
}
