import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { Input, Select } from '../component/field.tsx';
import { ErrorNotice } from '../component/notice.tsx';
import { usePageTitle } from '../layout/page-title.ts';
import { useShortcuts } from '../layout/shortcuts.ts';
import { useProjects } from '../session/queries.ts';
import { DocumentList } from './document-list.tsx';
import { SearchResults } from './search-results.tsx';
import { UploadArea } from './upload-area.tsx';

export function DocumentsPage({ projectId }: { projectId?: string }) {
  usePageTitle('Documents');
  const [, navigate] = useLocation();
  const projects = useProjects();
  const [query, setQuery] = useState('');
  const search = useRef<HTMLInputElement>(null);
  useShortcuts({ '/': () => search.current?.focus() });
  const first = projects.data?.at(-1)?.id;
  useEffect(() => {
    if (projectId === undefined && first !== undefined) navigate(`/documents/${first}`, { replace: true });
  }, [projectId, first, navigate]);

  return (
    <div className="h-full overflow-y-auto">
      <div className="mx-auto max-w-4xl px-4 py-6 sm:px-6">
        <div className="flex flex-wrap items-center gap-3 pb-4">
          <h1 className="mr-auto text-xl font-semibold tracking-tight">Documents</h1>
          <Select
            aria-label="Project"
            className="w-44"
            value={projectId ?? ''}
            onChange={(event) => navigate(`/documents/${event.target.value}`)}
          >
            {projects.data?.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
          <Input
            ref={search}
            type="search"
            aria-label="Search the documents"
            placeholder="Search in the documents"
            className="w-64"
            value={query}
            onChange={(event) => setQuery(event.target.value)}
          />
        </div>
        {projects.isError && <ErrorNotice error={projects.error} onRetry={() => void projects.refetch()} />}
        {projectId !== undefined &&
          (query.trim() === '' ? (
            <UploadArea projectId={projectId}>
              <DocumentList projectId={projectId} />
            </UploadArea>
          ) : (
            <SearchResults projectId={projectId} query={query.trim()} />
          ))}
      </div>
    </div>
  );
}
