import { Download } from 'lucide-react';
import { Button } from '../../component/button.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatBytes } from '../../lib/format.ts';
import type { AuditSearch } from './filter.ts';
import { useExport, type ExportFormat } from './use-export.ts';

const FORMATS: readonly { format: ExportFormat; label: string }[] = [
  { format: 'jsonl', label: 'JSONL' },
  { format: 'csv', label: 'CSV' },
];

/** Saves the entries that match the filter. */
export function ExportButtons({ filter }: { filter: AuditSearch }) {
  const { attempt, bytes, stop } = useExport(filter);
  return (
    <div className="flex flex-wrap items-center gap-2">
      {attempt.isPending ? (
        <>
          <span role="status" className="text-xs text-muted-foreground tabular-nums">
            {formatBytes(bytes)} read
          </span>
          <Button size="small" onClick={stop}>
            Stop
          </Button>
        </>
      ) : (
        FORMATS.map(({ format, label }) => (
          <Button
            key={format}
            size="small"
            aria-label={`Export ${label}`}
            onClick={() => attempt.mutate(format)}
          >
            <Download aria-hidden="true" /> {label}
          </Button>
        ))
      )}
      {attempt.isError && <ErrorNotice error={explain(attempt.error)} />}
    </div>
  );
}
