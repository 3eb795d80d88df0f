import { Button } from '../component/button.tsx';
import type { Waiting } from './use-post.ts';

/** A message of ours that the log does not have yet. */
export function WaitingMessage({ message, onRetry }: { message: Waiting; onRetry: () => void }) {
  return (
    <div className="flex flex-col items-end gap-1">
      <div className="max-w-[85%] rounded-2xl rounded-br-sm border border-dashed bg-accent px-4 py-2.5 whitespace-pre-wrap break-words">
        {message.content}
      </div>
      {message.error === null ? (
        <p role="status" className="text-xs text-muted-foreground">
          Sending…
        </p>
      ) : (
        <p role="alert" className="flex items-center gap-2 text-xs text-destructive">
          Not sent: {message.error}
          <Button size="small" onClick={onRetry}>
            Send again
          </Button>
        </p>
      )}
    </div>
  );
}
