import type { ApiKey } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { SecretOnce } from '../../component/copy.tsx';
import { Dialog } from '../../component/dialog.tsx';
import { Field, Select } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { useChange } from '../use-change.ts';
import { API_KEYS } from './key.ts';

const GRACES: readonly { seconds: number; label: string }[] = [
  { seconds: 0, label: 'Ends at once' },
  { seconds: 3600, label: 'Is taken for an hour more' },
  { seconds: 86_400, label: 'Is taken for a day more' },
  { seconds: 604_800, label: 'Is taken for 7 days more' },
];

/** @param apiKey the one to rotate; the dialog is open while there is one */
export function RotateDialog({ apiKey, onClose }: { apiKey: ApiKey | null; onClose: () => void }) {
  return (
    <Dialog
      open={apiKey !== null}
      onClose={onClose}
      title={`Rotate ${apiKey?.name ?? ''}`}
      description="The key gets another secret; its name, scopes and expiry stay."
    >
      {apiKey !== null && <Rotate apiKey={apiKey} onClose={onClose} />}
    </Dialog>
  );
}

function Rotate({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const client = useClient();
  const [grace, setGrace] = useState(3600);
  const rotate = useChange(API_KEYS, () => client.apiKeys.rotate(apiKey.id, { grace_seconds: grace }));
  if (rotate.isSuccess && rotate.data.secret !== null)
    return (
      <>
        <SecretOnce label={`New secret of ${apiKey.name}`} secret={rotate.data.secret} />
        <Button variant="primary" className="justify-self-end" onClick={onClose}>
          I have kept it
        </Button>
      </>
    );
  return (
    <Form
      label="Rotate"
      attempt={rotate}
      action="Make a new secret"
      busy="Making…"
      more={<Button onClick={onClose}>Cancel</Button>}
    >
      {rotate.isSuccess && <ErrorNotice error="The answer with the secret was lost. Make another one." />}
      <Field label="The present secret">
        {(id) => (
          <Select id={id} value={grace} onChange={(event) => setGrace(Number(event.target.value))}>
            {GRACES.map(({ seconds, label }) => (
              <option key={seconds} value={seconds}>
                {label}
              </option>
            ))}
          </Select>
        )}
      </Field>
    </Form>
  );
}
