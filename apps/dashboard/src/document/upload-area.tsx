import { Upload } from 'lucide-react';
import { useRef, useState, type DragEvent, type ReactNode } from 'react';
import { Button } from '../component/button.tsx';
import { ErrorNotice } from '../component/notice.tsx';
import { cn } from '../lib/class-names.ts';
import { useUpload } from './queries.ts';

const ACCEPTED = /\.(md|markdown|txt)$/i;

/** Files can be picked, or dropped anywhere on the list. */
export function UploadArea({ projectId, children }: { projectId: string; children: ReactNode }) {
  const [over, setOver] = useState(false);
  const [refused, setRefused] = useState<string | null>(null);
  const upload = useUpload(projectId);
  const take = (files: readonly File[]): void => {
    const wrong = files.find(({ name }) => !ACCEPTED.test(name));
    setRefused(wrong === undefined ? null : `${wrong.name}: only .md and .txt files can be uploaded.`);
    if (wrong === undefined && files.length > 0) upload.mutate(files);
  };
  const onDrop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    take([...event.dataTransfer.files]);
  };
  return (
    <div
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setOver(false);
      }}
      onDrop={onDrop}
    >
      <div
        className={cn(
          'mb-4 flex flex-wrap items-center justify-between gap-3 rounded-lg border border-dashed border-input px-4 py-3 transition-colors',
          over && 'border-primary bg-accent',
        )}
      >
        <p className="text-muted-foreground">
          {over
            ? 'Drop to upload.'
            : 'Drop Markdown or text files here. The same name again replaces a document.'}
        </p>
        <FilePicker busy={upload.isPending} onPick={take} />
      </div>
      <p role="status" className="sr-only">
        {upload.isSuccess ? upload.data : ''}
      </p>
      {refused !== null && <ErrorNotice className="mb-4" error={refused} />}
      {upload.isError && <ErrorNotice className="mb-4" error={upload.error} />}
      {children}
    </div>
  );
}

function FilePicker({ busy, onPick }: { busy: boolean; onPick: (files: readonly File[]) => void }) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={picker}
        type="file"
        multiple
        accept=".md,.markdown,.txt,text/plain,text/markdown"
        aria-label="Files to upload"
        tabIndex={-1}
        className="sr-only"
        onChange={({ target }) => {
          onPick([...(target.files ?? [])]);
          // So that the same file can be picked again.
          target.value = '';
        }}
      />
      <Button variant="primary" disabled={busy} onClick={() => picker.current?.click()}>
        <Upload aria-hidden="true" /> {busy ? 'Uploading…' : 'Upload'}
      </Button>
    </>
  );
}
