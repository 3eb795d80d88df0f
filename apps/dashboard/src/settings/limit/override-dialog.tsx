import type { RateLimits, RatePolicy } from '@holdfast/protocol';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { Dialog } from '../../component/dialog.tsx';
import { Field, Input, Select, TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { isOfTeams } from './describe.ts';
import { EXPIRIES, newDraft, NUMBERS, toOverride, type OverrideDraft } from './override-draft.ts';
import { useRefresh } from './queries.ts';
import { SubjectField } from './subject-field.tsx';

const LABELS = { minute: 'A minute', hour: 'An hour', day: 'A day', burst: 'At once' } as const;

/** For whom an override is begun; everything can be changed in the form. */
export interface OverrideStart {
  policy: string;
  subject?: string;
  tenantId?: string;
}

interface OverrideDialogProps {
  limits: RateLimits;
  start: OverrideStart | null;
  onClose: () => void;
}

export function OverrideDialog({ limits, start, onClose }: OverrideDialogProps) {
  return (
    <Dialog
      open={start !== null}
      onClose={onClose}
      title="Override a limit"
      description="Other numbers than those of the tier, in force at once. It replaces what was set before for the same."
    >
      {start !== null && <OverrideForm limits={limits} start={start} onClose={onClose} />}
    </Dialog>
  );
}

interface PartProps {
  policy: RatePolicy;
  draft: OverrideDraft;
  change: (changed: Partial<OverrideDraft>) => void;
}

function OverrideForm({
  limits,
  start,
  onClose,
}: {
  limits: RateLimits;
  start: OverrideStart;
  onClose: () => void;
}) {
  const { subject = '', tenantId = '' } = start;
  const [draft, setDraft] = useState(() => newDraft({ policy: start.policy, subject, tenantId }));
  const change = (changed: Partial<OverrideDraft>): void => setDraft((old) => ({ ...old, ...changed }));
  const client = useClient();
  const refresh = useRefresh();
  const attempt = useMutation({
    mutationFn: () => client.rateLimits.set(draft.policy, toOverride(draft, Date.now())),
    onSuccess: onClose,
    onSettled: refresh,
  });
  const { is_operator, policies } = limits;
  const open = policies.filter((each) => is_operator || isOfTeams(each));
  const policy = policies.find((each) => each.policy === draft.policy)!;
  const part = { policy, draft, change };
  return (
    <Form
      attempt={attempt}
      action="Set override"
      busy="Setting…"
      more={<Button onClick={onClose}>Cancel</Button>}
    >
      <Field label="Policy" hint={policy.description}>
        {(id) => (
          <Select
            id={id}
            value={draft.policy}
            onChange={(event) => change({ policy: event.target.value, subject: '' })}
          >
            {open.map((each) => (
              <option key={each.policy}>{each.policy}</option>
            ))}
          </Select>
        )}
      </Field>
      <WhomFields {...part} isOperator={is_operator} />
      <NumberFields {...part} />
      <ExpiryFields {...part} />
      <TextField
        label="Reason"
        required
        maxLength={500}
        value={draft.reason}
        onChange={(reason) => change({ reason })}
      />
    </Form>
  );
}

function WhomFields({ policy, draft, change, isOperator }: PartProps & { isOperator: boolean }) {
  return (
    <>
      {policy.subject !== 'tenant' && (
        <SubjectField
          policy={policy}
          value={draft.subject}
          emptyMeans={isOfTeams(policy) ? 'each one of the team' : 'everybody'}
          onChange={(subject) => change({ subject })}
        />
      )}
      {isOperator && isOfTeams(policy) && (
        <TextField
          label="Id of another team"
          hint="Empty for your own."
          value={draft.tenantId}
          onChange={(tenantId) => change({ tenantId })}
        />
      )}
    </>
  );
}

function NumberFields({ policy, draft, change }: PartProps) {
  return (
    <fieldset className="grid gap-2">
      <legend className="mb-1.5 text-sm font-medium">Limit</legend>
      <div className="grid grid-cols-2 gap-3 sm:grid-cols-4">
        {NUMBERS.map((name) => (
          <Field key={name} label={LABELS[name]}>
            {(id) => (
              <Input
                id={id}
                type="number"
                min={1}
                step={1}
                placeholder={policy.tier_allowance[name]?.toString()}
                disabled={draft.unlimited}
                value={draft.numbers[name] ?? ''}
                onChange={(event) => change({ numbers: { ...draft.numbers, [name]: event.target.value } })}
              />
            )}
          </Field>
        ))}
      </div>
      <p className="text-xs text-muted-foreground">
        Empty is no limit over that time. The numbers in grey are those of the tier.
      </p>
      <label className="flex items-center gap-2">
        <input
          type="checkbox"
          checked={draft.unlimited}
          onChange={(event) => change({ unlimited: event.target.checked })}
        />
        No limit at all
      </label>
    </fieldset>
  );
}

function ExpiryFields({ draft, change }: PartProps) {
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <Field label="Expires">
        {(id) => (
          <Select
            id={id}
            value={draft.expiry}
            onChange={(event) => change({ expiry: event.target.value as OverrideDraft['expiry'] })}
          >
            {EXPIRIES.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      {draft.expiry === 'at' && (
        <TextField
          label="Expires at"
          type="datetime-local"
          required
          value={draft.expiresAt}
          onChange={(expiresAt) => change({ expiresAt })}
        />
      )}
    </div>
  );
}
