import type { AuditExport } from '@holdfast/protocol';
import { useMutation } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import type { AuditSearch } from './filter.ts';

export type ExportFormat = AuditExport['format'];

const MEDIA_TYPES = { jsonl: 'application/x-ndjson', csv: 'text/csv' } as const;

/** Saves what matches as a file of the browser. `bytes` grows while it is read. */
export function useExport(filter: AuditSearch) {
  const client = useClient();
  const [bytes, setBytes] = useState(0);
  const stopper = useRef<AbortController | null>(null);
  const attempt = useMutation({
    mutationFn: async (format: ExportFormat) => {
      const { signal } = (stopper.current = new AbortController());
      setBytes(0);
      const parts: Uint8Array<ArrayBuffer>[] = [];
      let size = 0;
      try {
        const reader = (await client.audit.export({ ...filter, format }, { signal })).getReader();
        for (let part = await reader.read(); !part.done; part = await reader.read()) {
          parts.push(part.value as Uint8Array<ArrayBuffer>);
          setBytes((size += part.value.length));
        }
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      save(new Blob(parts, { type: MEDIA_TYPES[format] }), `audit.${format}`);
    },
  });
  return { attempt, bytes, stop: () => stopper.current?.abort() };
}

function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
