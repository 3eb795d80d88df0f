import type { Secret } from '@holdfast/protocol';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useSearchParams } from 'wouter';
import { Button } from '../../component/button.tsx';
import { Empty, ErrorNotice, Loading, SuccessNotice } from '../../component/notice.tsx';
import { usePageTitle } from '../../layout/page-title.ts';
import { explain } from '../../lib/explain.ts';
import { useNow } from '../../lib/use-now.ts';
import { useNames } from '../use-names.ts';
import { ExpiryWarning } from './expiry-warning.tsx';
import { NewSecretDialog } from './new-secret-dialog.tsx';
import { useSecrets, useSecretStatus } from './queries.ts';
import { SecretDialog } from './secret-dialog.tsx';
import { SecretTable } from './secret-table.tsx';

const OPEN = 'secret';

/** What the server uses for this team without showing it. The address keeps the open one. */
export default function SecretsPage() {
  usePageTitle('Secrets');
  const secrets = useSecrets();
  const status = useSecretStatus();
  const { nameOf } = useNames();
  const now = useNow(15_000);
  const [params, setParams] = useSearchParams();
  const [creating, setCreating] = useState(false);
  const [stored, setStored] = useState<Secret | null>(null);
  const open = (id: string | null): void => setParams(id === null ? {} : { [OPEN]: id });
  const all = secrets.data?.pages.flatMap((page) => page.items) ?? [];
  const error = secrets.error ?? status.error;
  return (
    <>
      <div className="flex flex-wrap items-center gap-3">
        <h2 className="mr-auto text-lg font-semibold">Secrets</h2>
        <Button variant="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden="true" /> New secret
        </Button>
      </div>
      {error !== null && <ErrorNotice error={explain(error)} onRetry={() => void secrets.refetch()} />}
      {stored !== null && (
        <SuccessNotice>{stored.name} is stored. Its value is never shown again.</SuccessNotice>
      )}
      <ExpiryWarning secrets={status.data?.expiring ?? []} now={now} onOpen={open} />
      {secrets.isPending && <Loading />}
      {secrets.isSuccess && all.length === 0 && (
        <Empty title="No secret yet.">
          Keys of model providers, credentials of tools: stored encrypted, used by the server, shown to
          nobody.
        </Empty>
      )}
      {all.length > 0 && (
        <SecretTable
          secrets={all}
          unused={new Set(status.data?.unused.map(({ id }) => id))}
          now={now}
          onOpen={open}
        />
      )}
      {secrets.hasNextPage && (
        <div>
          <Button onClick={() => void secrets.fetchNextPage()}>Show more</Button>
        </div>
      )}
      <NewSecretDialog
        open={creating}
        onClose={() => setCreating(false)}
        onStored={(secret) => {
          setStored(secret);
          setCreating(false);
        }}
      />
      <SecretDialog id={params.get(OPEN)} nameOf={nameOf} onClose={() => open(null)} />
    </>
  );
}
