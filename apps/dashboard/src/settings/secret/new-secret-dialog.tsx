import type { Secret, SecretKind } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { Dialog } from '../../component/dialog.tsx';
import { Field, Select, TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { fromLocalField } from '../../lib/until.ts';
import { KINDS } from './describe.ts';
import { useValue } from './use-value.ts';
import { ValueField } from './value-field.tsx';

interface NewSecretDialogProps {
  open: boolean;
  onClose: () => void;
  onStored: (secret: Secret) => void;
}

export function NewSecretDialog({ open, ...rest }: NewSecretDialogProps) {
  return (
    <Dialog
      open={open}
      onClose={rest.onClose}
      title="New secret"
      description="A model key named openai, anthropic or compatible is used by the agents of this team."
    >
      <NewSecretForm {...rest} />
    </Dialog>
  );
}

function NewSecretForm({ onClose, onStored }: Omit<NewSecretDialogProps, 'open'>) {
  const client = useClient();
  const [name, setName] = useState('');
  const [kind, setKind] = useState<SecretKind>('model_key');
  const [description, setDescription] = useState('');
  const [expires, setExpires] = useState('');
  const { control, attempt } = useValue(
    (value) =>
      client.secrets.create({
        name: name.trim(),
        kind,
        value,
        description: description.trim(),
        expires_at: fromLocalField(expires) ?? null,
      }),
    onStored,
  );
  return (
    <Form attempt={attempt} action="Store" busy="Storing…" more={<Button onClick={onClose}>Cancel</Button>}>
      <TextField
        label="Name"
        hint="Lower case letters, digits, dots, dashes and underscores."
        required
        maxLength={100}
        pattern="[a-z0-9][a-z0-9._\-]*"
        spellCheck={false}
        autoComplete="off"
        value={name}
        onChange={setName}
      />
      <Field label="Kind">
        {(id) => (
          <Select id={id} value={kind} onChange={(event) => setKind(event.target.value as SecretKind)}>
            {KINDS.map(({ kind: value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <ValueField control={control} />
      <TextField label="Description" maxLength={500} value={description} onChange={setDescription} />
      <TextField
        label="Expires"
        hint="From then on it is refused on use. Empty for never."
        type="datetime-local"
        value={expires}
        onChange={setExpires}
      />
    </Form>
  );
}
