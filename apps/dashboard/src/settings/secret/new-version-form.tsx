import type { Secret } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { fromLocalField, toLocalField } from '../../lib/until.ts';
import { useValue } from './use-value.ts';
import { ValueField } from './value-field.tsx';

interface NewVersionFormProps {
  secret: Secret;
  onClose: () => void;
  onStored: (secret: Secret) => void;
}

/** A new value for a secret, used at once. */
export function NewVersionForm({ secret, onClose, onStored }: NewVersionFormProps) {
  const client = useClient();
  const before = toLocalField(secret.expires_at ?? undefined);
  const [expires, setExpires] = useState(before);
  const { control, attempt } = useValue(
    (value) =>
      client.secrets.addVersion(secret.id, {
        value,
        ...(expires === before ? {} : { expires_at: fromLocalField(expires) ?? null }),
      }),
    onStored,
  );
  return (
    <Form
      attempt={attempt}
      action="Store"
      busy="Storing…"
      label="New version"
      className="rounded-lg border p-4"
      more={<Button onClick={onClose}>Cancel</Button>}
    >
      <ValueField control={control} />
      <TextField
        label="Expires"
        hint="Of the secret, from now on. Empty for never."
        type="datetime-local"
        value={expires}
        onChange={setExpires}
      />
    </Form>
  );
}
