import type { RateLimits, RatePolicy } from '@holdfast/protocol';
import { useState } from 'react';
import { useLogin } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { Dialog } from '../../component/dialog.tsx';
import { TextField } from '../../component/field.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { useNow } from '../../lib/use-now.ts';
import { isOfTeams } from './describe.ts';
import type { OverrideStart } from './override-dialog.tsx';
import { useReset, useUnblock, useUsage, type Counted } from './queries.ts';
import { SubjectField } from './subject-field.tsx';
import { UsageMeter } from './usage-meter.tsx';

interface SubjectDialogProps {
  limits: RateLimits;
  policy: RatePolicy | null;
  onClose: () => void;
  onOverride: (start: OverrideStart) => void;
}

/** What one subject has used, with ways to give it back. */
export function SubjectDialog({ limits, policy, onClose, onOverride }: SubjectDialogProps) {
  return (
    <Dialog
      open={policy !== null}
      onClose={onClose}
      title={`Who uses ${policy?.policy ?? ''}`}
      description={policy?.description}
    >
      {policy !== null && <LookUp limits={limits} policy={policy} onOverride={onOverride} />}
    </Dialog>
  );
}

type LookUpProps = Pick<SubjectDialogProps, 'limits' | 'onOverride'> & { policy: RatePolicy };

function LookUp({ limits, policy, onOverride }: LookUpProps) {
  const { tenantId, user } = useLogin();
  const ofTeams = isOfTeams(policy);
  const countsTeams = policy.subject === 'tenant';
  const [subject, setSubject] = useState(countsTeams || !ofTeams ? '' : `user:${user.id}`);
  const [team, setTeam] = useState('');
  const [counted, setCounted] = useState<Counted | null>(null);
  const submit = (): void => {
    const tenant_id = team.trim() === '' ? undefined : team.trim();
    const who = countsTeams ? `tenant:${tenant_id ?? tenantId}` : subject.trim();
    setCounted({ policy: policy.policy, subject: who, tenant_id });
  };
  return (
    <>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        {!countsTeams && <SubjectField policy={policy} value={subject} onChange={setSubject} />}
        {limits.is_operator && ofTeams && (
          <TextField label="Id of another team" hint="Empty for your own." value={team} onChange={setTeam} />
        )}
        <div>
          <Button type="submit" variant="primary">
            Look up
          </Button>
        </div>
      </form>
      {counted !== null && (
        <Found
          key={`${counted.subject} ${counted.tenant_id}`}
          counted={counted}
          onOverride={() =>
            onOverride({
              policy: counted.policy,
              subject: countsTeams ? '' : counted.subject,
              tenantId: counted.tenant_id,
            })
          }
        />
      )}
    </>
  );
}

function Found({ counted, onOverride }: { counted: Counted; onOverride: () => void }) {
  const usage = useUsage(counted);
  const reset = useReset(counted);
  const unblock = useUnblock();
  const now = useNow(1_000);
  if (usage.isError) return <ErrorNotice error={explain(usage.error)} />;
  if (usage.data === undefined) return <p role="status">Looking…</p>;
  const { blocked_until, reset_at, remaining, limit } = usage.data;
  const error = reset.error ?? unblock.error;
  return (
    <section aria-label="Use" className="grid gap-3 rounded-lg border p-4">
      <p className="font-mono text-xs break-all">{counted.subject}</p>
      <UsageMeter usage={usage.data} now={now} />
      {reset_at !== null && remaining !== limit && (
        <p className="text-xs text-muted-foreground">All back at {formatFull(reset_at)}.</p>
      )}
      {error !== null && <ErrorNotice error={explain(error)} />}
      <div className="flex flex-wrap gap-2">
        <Button size="small" disabled={reset.isPending} onClick={() => reset.mutate()}>
          Reset
        </Button>
        {blocked_until !== null && (
          <Button
            size="small"
            disabled={unblock.isPending}
            onClick={() => unblock.mutate({ ...counted, tenant_id: counted.tenant_id ?? null })}
          >
            Unblock
          </Button>
        )}
        <Button size="small" onClick={onOverride}>
          Override…
        </Button>
      </div>
    </section>
  );
}
