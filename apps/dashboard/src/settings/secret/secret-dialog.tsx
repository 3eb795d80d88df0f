import type { SecretDetail } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { Dialog } from '../../component/dialog.tsx';
import { ErrorNotice, Loading, SuccessNotice } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { useNow } from '../../lib/use-now.ts';
import { useChange } from '../use-change.ts';
import { AccessList } from './access-list.tsx';
import { expiryOf, labelOf } from './describe.ts';
import { NewVersionForm } from './new-version-form.tsx';
import { SECRETS, useSecret } from './queries.ts';
import { VersionList } from './version-list.tsx';

interface SecretDialogProps {
  id: string | null;
  nameOf: (subject: string) => string;
  onClose: () => void;
}

/** One secret: its versions and the record of its use. */
export function SecretDialog({ id, nameOf, onClose }: SecretDialogProps) {
  return (
    <Dialog wide open={id !== null} onClose={onClose} title="Secret">
      {id !== null && <LoadedSecret key={id} id={id} nameOf={nameOf} onClose={onClose} />}
    </Dialog>
  );
}

function LoadedSecret({ id, nameOf, onClose }: SecretDialogProps & { id: string }) {
  const secret = useSecret(id);
  if (secret.isError)
    return <ErrorNotice error={explain(secret.error)} onRetry={() => void secret.refetch()} />;
  if (secret.data === undefined) return <Loading />;
  return (
    <div className="grid min-w-0 gap-5">
      <About secret={secret.data} />
      <Actions secret={secret.data} onClose={onClose} />
      <VersionList secret={secret.data} nameOf={nameOf} />
      <AccessList secretId={id} nameOf={nameOf} />
    </div>
  );
}

function About({ secret }: { secret: SecretDetail }) {
  const { name, kind, description, expires_at } = secret;
  const expiry = expiryOf(secret, useNow(30_000));
  return (
    <div className="grid gap-1">
      <p className="flex flex-wrap items-center gap-2">
        <span className="font-mono font-medium break-all">{name}</span>
        <span className="text-muted-foreground">{labelOf(kind)}</span>
        <Badge tone={expiry.tone} title={expires_at === null ? undefined : formatFull(expires_at)}>
          {expiry.text === 'expired' ? 'expired' : `expires ${expiry.text}`}
        </Badge>
      </p>
      {description !== '' && <p className="break-words text-muted-foreground">{description}</p>}
    </div>
  );
}

function Actions({ secret, onClose }: { secret: SecretDetail; onClose: () => void }) {
  const client = useClient();
  const [mode, setMode] = useState<'rest' | 'version' | 'delete'>('rest');
  const [stored, setStored] = useState<number | null>(null);
  const remove = useChange(SECRETS, () => client.secrets.delete(secret.id), onClose);
  if (mode === 'version')
    return (
      <NewVersionForm
        secret={secret}
        onClose={() => setMode('rest')}
        onStored={({ latest_version }) => {
          setStored(latest_version);
          setMode('rest');
        }}
      />
    );
  return (
    <>
      {stored !== null && <SuccessNotice>Version {stored} is stored, and used from now on.</SuccessNotice>}
      {remove.isError && <ErrorNotice error={explain(remove.error)} />}
      {mode === 'delete' ? (
        <div className="flex flex-wrap items-center gap-2">
          <p className="w-full">
            Delete {secret.name} with all its versions? What uses it fails from then on.
          </p>
          <Button autoFocus onClick={() => setMode('rest')}>
            Keep
          </Button>
          <Button variant="destructive" disabled={remove.isPending} onClick={() => remove.mutate()}>
            Delete the secret
          </Button>
        </div>
      ) : (
        <div className="flex flex-wrap gap-2">
          <Button onClick={() => setMode('version')}>New version</Button>
          <Button onClick={() => setMode('delete')}>Delete</Button>
        </div>
      )}
    </>
  );
}
