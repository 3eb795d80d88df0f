import type { Document } from '@holdfast/protocol';
import { FileText, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { Button } from '../component/button.tsx';
import { Confirm } from '../component/dialog.tsx';
import { Empty, ErrorNotice } from '../component/notice.tsx';
import { formatAge, formatBytes, formatFull } from '../lib/format.ts';
import { useNow } from '../lib/use-now.ts';
import { useDeleteDocument, useDocuments } from './queries.ts';

export function DocumentList({ projectId }: { projectId: string }) {
  const documents = useDocuments(projectId);
  const now = useNow(15_000);
  const [doomed, setDoomed] = useState<Document | null>(null);
  const remove = useDeleteDocument(projectId);
  if (documents.isPending)
    return (
      <p role="status" className="text-muted-foreground">
        Loading…
      </p>
    );
  if (documents.isError)
    return <ErrorNotice error={documents.error} onRetry={() => void documents.refetch()} />;
  const items = documents.data.pages.flatMap((page) => page.items);
  if (items.length === 0)
    return (
      <Empty title="No document yet.">Agents search the documents of their project and cite them.</Empty>
    );
  return (
    <>
      {remove.isError && <ErrorNotice className="mb-4" error={remove.error} />}
      <ul aria-label="Documents" className="divide-y rounded-lg border bg-card">
        {items.map((document) => (
          <DocumentRow key={document.id} document={document} now={now} onDelete={() => setDoomed(document)} />
        ))}
      </ul>
      {documents.hasNextPage && (
        <Button className="mt-4" onClick={() => void documents.fetchNextPage()}>
          Show more
        </Button>
      )}
      <Confirm
        open={doomed !== null}
        title={`Delete ${doomed?.name ?? ''}?`}
        text="Agents will no longer find it. This cannot be undone."
        action="Delete"
        busy={remove.isPending}
        onClose={() => setDoomed(null)}
        onConfirm={() => doomed !== null && remove.mutate(doomed.id, { onSettled: () => setDoomed(null) })}
      />
    </>
  );
}

function DocumentRow({ document, now, onDelete }: { document: Document; now: number; onDelete: () => void }) {
  return (
    <li className="flex items-center gap-3 px-4 py-2.5">
      <FileText aria-hidden="true" className="size-4 shrink-0 text-muted-foreground" />
      <span className="min-w-0 flex-1 truncate font-medium">{document.name}</span>
      <span className="text-xs text-muted-foreground tabular-nums">{formatBytes(document.size_bytes)}</span>
      <time
        dateTime={document.updated_at}
        title={formatFull(document.updated_at)}
        className="hidden w-24 text-right text-xs text-muted-foreground tabular-nums sm:block"
      >
        {formatAge(document.updated_at, now)}
      </time>
      <Button
        variant="ghost"
        size="icon"
        aria-label={`Delete ${document.name}`}
        title="Delete"
        onClick={onDelete}
      >
        <Trash2 aria-hidden="true" />
      </Button>
    </li>
  );
}
