import { Suspense } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { Empty, ErrorNotice, Loading } from '../component/notice.tsx';
import { cn } from '../lib/class-names.ts';
import { manages } from '../lib/role.ts';
import { SETTINGS_PAGES, type SettingsPlace } from './pages.ts';
import { useTeam } from './use-team.ts';

/** The frame of all settings. Its paths are relative to `/settings`. */
export default function SettingsPage() {
  const team = useTeam();
  const isManager = manages(team.data?.role);
  const places = SETTINGS_PAGES.filter(({ forManagers }) => isManager || !forManagers);
  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto grid max-w-5xl gap-6 px-4 py-6 sm:px-6 md:grid-cols-[10rem_minmax(0,1fr)]">
        <div>
          <h1 className="pb-3 text-xl font-semibold tracking-tight">Settings</h1>
          <Menu places={places} />
        </div>
        <div className="grid min-w-0 content-start gap-6">
          {team.isError && <ErrorNotice error={team.error} onRetry={() => void team.refetch()} />}
          <Suspense fallback={<Loading />}>
            <Switch>
              <Route path="/">
                <Redirect to={`/${SETTINGS_PAGES[0]!.path}`} replace />
              </Route>
              {places.map(({ path, Page }) => (
                <Route key={path} path={`/${path}`} nest>
                  <Page />
                </Route>
              ))}
              <Route>
                {team.isPending ? (
                  <Loading />
                ) : (
                  <Empty title="There is no such page, or your role in the team does not show it." />
                )}
              </Route>
            </Switch>
          </Suspense>
        </div>
      </div>
    </div>
  );
}

function Menu({ places }: { places: readonly SettingsPlace[] }) {
  const [location] = useLocation();
  return (
    <nav aria-label="Settings" className="flex flex-wrap gap-1 md:flex-col">
      {places.map(({ path, label }) => {
        const here = location === `/${path}` || location.startsWith(`/${path}/`);
        return (
          <Link
            key={path}
            href={`/${path}`}
            aria-current={here ? 'page' : undefined}
            className={cn(
              'rounded-md px-3 py-1.5 font-medium text-muted-foreground hover:text-foreground',
              here && 'bg-muted text-foreground',
            )}
          >
            {label}
          </Link>
        );
      })}
    </nav>
  );
}
