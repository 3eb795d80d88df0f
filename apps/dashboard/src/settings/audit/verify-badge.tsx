import type { AuditChain, AuditVerification } from '@holdfast/protocol';
import { ShieldCheck } from 'lucide-react';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatNumber } from '../../lib/format.ts';
import { useVerify } from './queries.ts';

/** Has the log verified, and tells what came of it. */
export function VerifyBadge({ chain }: { chain: AuditChain | undefined }) {
  const verify = useVerify(chain);
  return (
    <div className="flex flex-wrap items-center gap-3 rounded-lg border bg-card px-4 py-3">
      <Button disabled={verify.isPending} onClick={() => verify.mutate()}>
        <ShieldCheck aria-hidden="true" /> {verify.isPending ? 'Verifying…' : 'Verify'}
      </Button>
      <div role="status" aria-label="Verification" className="min-w-0 flex-1 text-sm">
        {verify.data === undefined ? (
          <span className="text-muted-foreground">
            {verify.isPending
              ? 'Every entry and every signed head is read.'
              : 'Checks that nothing was changed, cut or put in since it was written.'}
          </span>
        ) : (
          <Result result={verify.data} />
        )}
      </div>
      {verify.isError && <ErrorNotice className="w-full" error={explain(verify.error)} />}
    </div>
  );
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${formatNumber(number)} ${number === 1 ? one : many}`;
}

function Result({ result }: { result: AuditVerification }) {
  const { valid, entries, heads_checked, heads_skipped, reseals, first_bad_seq, reason, message } = result;
  const counts = [
    `${count(entries, 'entry', 'entries')} checked`,
    `${count(heads_checked, 'signed head')} checked`,
    ...(heads_skipped > 0 ? [`${count(heads_skipped, 'head')} of unknown keys`] : []),
    ...(reseals > 0 ? [`went on from an older state ${count(reseals, 'time')}`] : []),
  ].join(', ');
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      {valid ? (
        <Badge tone="success">Whole</Badge>
      ) : (
        <Badge tone="error">
          Broken at entry {first_bad_seq}: {reason?.replaceAll('_', ' ')}
        </Badge>
      )}
      <span>{counts}.</span>
      {message !== null && <span className="w-full break-words text-destructive">{message}</span>}
    </span>
  );
}
