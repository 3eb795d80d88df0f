import { Empty, ErrorNotice } from '../component/notice.tsx';
import { usePassages } from './queries.ts';

export function SearchResults({ projectId, query }: { projectId: string; query: string }) {
  const passages = usePassages(projectId, query);
  if (passages.isError) return <ErrorNotice error={passages.error} onRetry={() => void passages.refetch()} />;
  if (passages.isPending)
    return (
      <p role="status" className="text-muted-foreground">
        Searching…
      </p>
    );
  if (passages.data.length === 0) return <Empty title={`No passage matches “${query}”.`} />;
  return (
    <ol aria-label="Passages" className="grid gap-3">
      {passages.data.map(({ document_id, document, line, heading, text }) => (
        <li key={`${document_id}-${line}`} className="rounded-lg border bg-card px-4 py-3">
          <p className="mb-1.5 flex flex-wrap gap-x-2 text-xs text-muted-foreground">
            <span className="font-medium text-foreground">{document}</span>
            <span>line {line}</span>
            {heading !== '' && <span>· {heading}</span>}
          </p>
          <p className="line-clamp-6 break-words whitespace-pre-wrap">{text}</p>
        </li>
      ))}
    </ol>
  );
}
