import type { RateLimits, RatePolicy } from '@holdfast/protocol';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useLogin } from '../../auth/session.tsx';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { Select } from '../../component/field.tsx';
import { ErrorNotice, Loading } from '../../component/notice.tsx';
import { usePageTitle } from '../../layout/page-title.ts';
import { explain } from '../../lib/explain.ts';
import { useNow } from '../../lib/use-now.ts';
import { useNames, type Named } from '../use-names.ts';
import { BlockList } from './block-list.tsx';
import { OverrideDialog, type OverrideStart } from './override-dialog.tsx';
import { OverrideList } from './override-list.tsx';
import { PolicyTable } from './policy-table.tsx';
import { useLimits } from './queries.ts';
import { SubjectDialog } from './subject-dialog.tsx';

/** Rate limits: their numbers, what is used and blocked now, exceptions. */
export default function LimitsPage() {
  usePageTitle('Limits');
  const limits = useLimits();
  return (
    <>
      {limits.isError && <ErrorNotice error={explain(limits.error)} onRetry={() => void limits.refetch()} />}
      {limits.data === undefined ? limits.isPending && <Loading /> : <Limits limits={limits.data} />}
    </>
  );
}

function Limits({ limits }: { limits: RateLimits }) {
  const { user } = useLogin();
  const { all, nameOf } = useNames();
  const now = useNow(1_000);
  const [subject, setSubject] = useState(`user:${user.id}`);
  const [override, setOverride] = useState<OverrideStart | null>(null);
  const [lookUp, setLookUp] = useState<RatePolicy | null>(null);
  return (
    <>
      <div className="flex flex-wrap items-center gap-3">
        <h2 className="text-lg font-semibold">Limits</h2>
        <Badge className="mr-auto">tier {limits.tier}</Badge>
        <Button variant="primary" onClick={() => setOverride({ policy: 'platform' })}>
          <Plus aria-hidden="true" /> New override
        </Button>
      </div>
      <BlockList blocks={limits.blocks} nameOf={nameOf} now={now} />
      <OverrideList overrides={limits.overrides} nameOf={nameOf} now={now} />
      <section aria-labelledby="policies-title" className="grid gap-2">
        <div className="flex flex-wrap items-center gap-3">
          <h3 id="policies-title" className="mr-auto font-medium">
            Policies
          </h3>
          <SubjectSelect own={`user:${user.id}`} all={all} value={subject} onChange={setSubject} />
        </div>
        <PolicyTable
          limits={limits}
          subject={subject}
          now={now}
          onLookUp={setLookUp}
          onOverride={({ policy }) => setOverride({ policy })}
        />
      </section>
      <SubjectDialog
        limits={limits}
        policy={lookUp}
        onClose={() => setLookUp(null)}
        onOverride={(start) => {
          setLookUp(null);
          setOverride(start);
        }}
      />
      <OverrideDialog limits={limits} start={override} onClose={() => setOverride(null)} />
    </>
  );
}

interface SubjectSelectProps {
  own: string;
  all: readonly Named[];
  value: string;
  onChange: (subject: string) => void;
}

/** Whose use the table shows. */
function SubjectSelect({ own, all, value, onChange }: SubjectSelectProps) {
  return (
    <label className="flex items-center gap-2 text-xs text-muted-foreground">
      Used by
      <Select className="w-56" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value={own}>You</option>
        {all
          .filter(({ subject }) => subject !== own)
          .map(({ subject, name }) => (
            <option key={subject} value={subject}>
              {name}
            </option>
          ))}
      </Select>
    </label>
  );
}
