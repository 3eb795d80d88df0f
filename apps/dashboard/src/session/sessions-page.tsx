import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { Button } from '../component/button.tsx';
import { Select } from '../component/field.tsx';
import { Empty, ErrorNotice } from '../component/notice.tsx';
import { usePageTitle } from '../layout/page-title.ts';
import { useShortcuts } from '../layout/shortcuts.ts';
import { NewSessionDialog } from './new-session-dialog.tsx';
import { useProjects, useSessions, type StatusFilter } from './queries.ts';
import { SessionList } from './session-list.tsx';

const STATUSES: readonly { value: StatusFilter; label: string }[] = [
  { value: 'attention', label: 'Needs attention' },
  { value: 'active', label: 'Active' },
  { value: 'completed', label: 'Completed' },
  { value: 'failed', label: 'Failed' },
  { value: 'interrupted', label: 'Interrupted' },
];

export function SessionsPage() {
  usePageTitle('Sessions');
  const [creating, setCreating] = useState(false);
  const [params] = useSearchParams();
  const projectId = params.get('project') ?? undefined;
  const status = STATUSES.find(({ value }) => value === params.get('status'))?.value;
  const { query, sessions } = useSessions({ projectId, status });
  const projects = useProjects();
  useShortcuts({ n: () => setCreating(true) });

  const filtered = projectId !== undefined || status !== undefined;
  return (
    <div className="mx-auto flex h-full max-w-5xl flex-col px-4 pt-6 sm:px-6">
      <div className="flex flex-wrap items-center gap-3 pb-4">
        <h1 className="mr-auto text-xl font-semibold tracking-tight">Sessions</h1>
        <Filters projects={projects.data ?? []} />
        <Button variant="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden="true" /> New session
        </Button>
      </div>
      {query.isError && (
        <ErrorNotice className="mb-4" error={query.error} onRetry={() => void query.refetch()} />
      )}
      {query.isPending ? (
        <p role="status" className="text-muted-foreground">
          Loading…
        </p>
      ) : sessions.length > 0 || query.hasNextPage ? (
        <SessionList
          sessions={sessions}
          projects={projects.data ?? []}
          hasMore={query.hasNextPage}
          isLoading={query.isFetchingNextPage}
          onMore={() => void query.fetchNextPage()}
        />
      ) : (
        !query.isError && (
          <Empty title={filtered ? 'No session matches.' : 'No session yet.'}>
            {filtered ? 'Change the filter to see others.' : 'Begin one, and watch its log as it is written.'}
          </Empty>
        )
      )}
      <NewSessionDialog open={creating} onClose={() => setCreating(false)} projectId={projectId} />
    </div>
  );
}

/** The address keeps the filter, so that it can be shared and gone back to. */
function Filters({ projects }: { projects: readonly { id: string; name: string }[] }) {
  const [params, setParams] = useSearchParams();
  const change = (name: string, value: string): void =>
    setParams(
      (old) => {
        const next = new URLSearchParams(old);
        if (value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  return (
    <div className="flex gap-2">
      <Select
        aria-label="Project"
        className="w-40"
        value={params.get('project') ?? ''}
        onChange={(event) => change('project', event.target.value)}
      >
        <option value="">All projects</option>
        {projects.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
      </Select>
      <Select
        aria-label="Status"
        className="w-40"
        value={params.get('status') ?? ''}
        onChange={(event) => change('status', event.target.value)}
      >
        <option value="">Any status</option>
        {STATUSES.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </Select>
    </div>
  );
}
