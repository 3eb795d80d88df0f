import type { NewApiKey } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { SecretOnce } from '../../component/copy.tsx';
import { Dialog } from '../../component/dialog.tsx';
import { Field, Select, TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { useChange } from '../use-change.ts';
import { API_KEYS } from './key.ts';
import { ScopeFields, type Scope } from './scope-fields.tsx';

const DAY_MS = 86_400_000;
const LIVES: readonly { days: number; label: string }[] = [
  { days: 0, label: 'Never' },
  { days: 7, label: 'In 7 days' },
  { days: 30, label: 'In 30 days' },
  { days: 90, label: 'In 90 days' },
  { days: 365, label: 'In a year' },
];

export function NewKeyDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title="New API key"
      description="For one program; give each its own."
    >
      <NewKey onClose={onClose} />
    </Dialog>
  );
}

function NewKey({ onClose }: { onClose: () => void }) {
  const [made, setMade] = useState<NewApiKey | null>(null);
  if (made === null) return <NewKeyForm onMade={setMade} onClose={onClose} />;
  return (
    <>
      <SecretOnce label={`Secret of ${made.name}`} secret={made.secret ?? ''} />
      <Button variant="primary" className="justify-self-end" onClick={onClose}>
        I have kept it
      </Button>
    </>
  );
}

function NewKeyForm({ onMade, onClose }: { onMade: (made: NewApiKey) => void; onClose: () => void }) {
  const client = useClient();
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState<readonly Scope[]>(['read', 'write']);
  const [days, setDays] = useState(90);
  const create = useChange(
    API_KEYS,
    () =>
      client.apiKeys.create({
        name: name.trim(),
        scopes: [...scopes],
        expires_at: days === 0 ? null : new Date(Date.now() + days * DAY_MS).toISOString(),
      }),
    onMade,
  );
  return (
    <Form
      label="New API key"
      attempt={create}
      action="Create the key"
      busy="Creating…"
      disabled={scopes.length === 0}
      more={<Button onClick={onClose}>Cancel</Button>}
    >
      <TextField label="Name" required maxLength={200} value={name} onChange={setName} />
      <ScopeFields chosen={scopes} onChange={setScopes} />
      <Field label="Expires">
        {(id) => (
          <Select id={id} value={days} onChange={(event) => setDays(Number(event.target.value))}>
            {LIVES.map((life) => (
              <option key={life.days} value={life.days}>
                {life.label}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </Form>
  );
}
