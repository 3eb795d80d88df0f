import { lazy, Suspense, useEffect } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { useLogin } from './auth/session.tsx';
import { Empty, Loading } from './component/notice.tsx';
import { Shell } from './layout/shell.tsx';
import { SessionsPage } from './session/sessions-page.tsx';

const loadSession = () => import('./session/session-page.tsx');
const loadDocuments = () => import('./document/documents-page.tsx');
const SessionPage = lazy(async () => ({ default: (await loadSession()).SessionPage }));
const DocumentsPage = lazy(async () => ({ default: (await loadDocuments()).DocumentsPage }));
const SettingsPage = lazy(() => import('./settings/settings-page.tsx'));

/** Every page for those who are logged in. */
export default function Inside() {
  const { user, tenantId } = useLogin();
  useEffect(() => {
    // Once the first page is shown, so that the next need not be waited for. A failure shows there.
    void Promise.allSettled([loadSession(), loadDocuments()]);
  }, []);
  return (
    <Shell key={`${user.id} ${tenantId}`}>
      <Suspense fallback={<Loading className="p-8" />}>
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
          <Route path="/settings" nest>
            <SettingsPage />
          </Route>
          <Route>
            <div className="p-8">
              <Empty title="There is no such page." />
            </div>
          </Route>
        </Switch>
      </Suspense>
    </Shell>
  );
}
