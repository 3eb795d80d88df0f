import { Button, buttonStyle } from '../../component/button.tsx';
import { CopyButton } from '../../component/copy.tsx';

/** Shown this once; each of them works once in the place of the app. */
export function BackupCodes({ codes, onDone }: { codes: readonly string[]; onDone: () => void }) {
  const text = `${codes.join('\n')}\n`;
  return (
    <div className="grid gap-3 rounded-md border border-warning/40 bg-warning/10 p-4">
      <p role="status" className="text-sm">
        The second factor is on. Keep these backup codes: each lets you in once without the app. They are
        shown this once.
      </p>
      <ul aria-label="Backup codes" className="grid gap-x-6 gap-y-1 font-mono text-sm sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ul>
      <div className="flex flex-wrap items-center gap-2">
        <CopyButton text={text} />
        <a
          className={buttonStyle({ size: 'small' })}
          download="holdfast-backup-codes.txt"
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
        >
          Download
        </a>
        <Button size="small" variant="primary" onClick={onDone}>
          I have kept them
        </Button>
      </div>
    </div>
  );
}
