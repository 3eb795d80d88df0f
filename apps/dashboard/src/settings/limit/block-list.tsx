import type { RateBlock } from '@holdfast/protocol';
import { useLogin } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { formatUntil } from '../../lib/until.ts';
import { whomOf } from './describe.ts';
import { useUnblock } from './queries.ts';

interface BlockListProps {
  blocks: readonly RateBlock[];
  nameOf: (subject: string) => string;
  now: number;
}

/** Who is blocked now, because of many refusals. */
export function BlockList({ blocks, nameOf, now }: BlockListProps) {
  const { tenantId } = useLogin();
  const unblock = useUnblock();
  return (
    <section aria-labelledby="blocks-title" className="grid gap-2">
      <h3 id="blocks-title" className="font-medium">
        Blocked now
      </h3>
      {unblock.isError && <ErrorNotice error={explain(unblock.error)} />}
      {blocks.length === 0 ? (
        <p className="text-muted-foreground">Nobody is blocked.</p>
      ) : (
        <ul aria-label="Blocks" className="divide-y rounded-lg border bg-card">
          {blocks.map((block) => (
            <li
              key={`${block.policy} ${block.subject} ${block.tenant_id}`}
              className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5"
            >
              <span className="min-w-0 flex-1 font-medium break-all">{whomOf(block, tenantId, nameOf)}</span>
              <span className="font-mono text-xs">{block.policy}</span>
              <time
                dateTime={block.blocked_until}
                title={formatFull(block.blocked_until)}
                className="text-xs text-muted-foreground tabular-nums"
              >
                ends {formatUntil(block.blocked_until, now) ?? 'now'}
                {block.level > 1 && `, no. ${block.level} in a row`}
              </time>
              <Button
                size="small"
                disabled={unblock.isPending}
                aria-label={`Unblock ${whomOf(block, tenantId, nameOf)} from ${block.policy}`}
                onClick={() => unblock.mutate(block)}
              >
                Unblock
              </Button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
