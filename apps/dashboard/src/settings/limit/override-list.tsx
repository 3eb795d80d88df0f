import type { RateOverride } from '@holdfast/protocol';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useLogin } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { Confirm } from '../../component/dialog.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { formatUntil } from '../../lib/until.ts';
import { formatAllowance, whomOf } from './describe.ts';
import { useDeleteOverride } from './queries.ts';

interface OverrideListProps {
  overrides: readonly RateOverride[];
  nameOf: (subject: string) => string;
  now: number;
}

/** Exceptions from the numbers of the tier. */
export function OverrideList({ overrides, nameOf, now }: OverrideListProps) {
  const { tenantId } = useLogin();
  const [doomed, setDoomed] = useState<RateOverride | null>(null);
  const remove = useDeleteOverride();
  return (
    <section aria-labelledby="overrides-title" className="grid gap-2">
      <h3 id="overrides-title" className="font-medium">
        Overrides
      </h3>
      {remove.isError && <ErrorNotice error={explain(remove.error)} />}
      {overrides.length === 0 ? (
        <p className="text-muted-foreground">None: the numbers of the tier are in force.</p>
      ) : (
        <ul aria-label="Overrides" className="divide-y rounded-lg border bg-card">
          {overrides.map((override) => (
            <OverrideRow
              key={override.id}
              override={override}
              whom={whomOf(override, tenantId, nameOf)}
              createdBy={nameOf(override.created_by)}
              now={now}
              onDelete={() => setDoomed(override)}
            />
          ))}
        </ul>
      )}
      <Confirm
        open={doomed !== null}
        title={`Delete the override of ${doomed?.policy ?? ''}?`}
        text={`The numbers of the tier are in force again for ${doomed === null ? '' : whomOf(doomed, tenantId, nameOf)}.`}
        action="Delete"
        busy={remove.isPending}
        onClose={() => setDoomed(null)}
        onConfirm={() => doomed !== null && remove.mutate(doomed, { onSettled: () => setDoomed(null) })}
      />
    </section>
  );
}

function OverrideRow(props: {
  override: RateOverride;
  whom: string;
  createdBy: string;
  now: number;
  onDelete: () => void;
}) {
  const { override, whom, createdBy, now } = props;
  const { policy, allowance, reason, created_at, expires_at } = override;
  const ends = expires_at === null ? 'for good' : formatUntil(expires_at, now);
  return (
    <li className="flex items-center gap-4 px-4 py-2.5">
      <div className="min-w-0 flex-1">
        <p className="break-words">
          <span className="font-mono text-xs">{policy}</span> for <span className="font-medium">{whom}</span>:{' '}
          {formatAllowance(allowance)}
        </p>
        <p className="text-xs break-words text-muted-foreground" title={`Since ${formatFull(created_at)}`}>
          {reason} · by {createdBy}
        </p>
      </div>
      <span
        className="text-xs text-muted-foreground tabular-nums"
        title={expires_at === null ? undefined : formatFull(expires_at)}
      >
        {ends === null ? 'expired' : expires_at === null ? ends : `ends ${ends}`}
      </span>
      <Button
        variant="ghost"
        size="icon"
        aria-label={`Delete the override of ${policy} for ${whom}`}
        title="Delete"
        onClick={props.onDelete}
      >
        <Trash2 aria-hidden="true" />
      </Button>
    </li>
  );
}
