import type { ApiKey } from '@holdfast/protocol';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { Confirm } from '../../component/dialog.tsx';
import { Empty, ErrorNotice } from '../../component/notice.tsx';
import { Pages } from '../../component/pages.tsx';
import { Table } from '../../component/table.tsx';
import { usePageTitle } from '../../layout/page-title.ts';
import { explain } from '../../lib/explain.ts';
import { useNow } from '../../lib/use-now.ts';
import { usePages } from '../../lib/use-pages.ts';
import { Section } from '../section.tsx';
import { useChange } from '../use-change.ts';
import { ApiKeyRow } from './api-key-row.tsx';
import { API_KEYS } from './key.ts';
import { NewKeyDialog } from './new-key-dialog.tsx';
import { RotateDialog } from './rotate-dialog.tsx';

const COLUMNS = ['Name', 'Scopes', 'Created', 'Last used', 'Expires', ''];

/** Credentials of programs. For owners and admins. */
export default function ApiKeysPage() {
  usePageTitle('API keys');
  const client = useClient();
  const now = useNow(30_000);
  const [creating, setCreating] = useState(false);
  const [rotating, setRotating] = useState<ApiKey | null>(null);
  const [revoking, setRevoking] = useState<ApiKey | null>(null);
  const { query, items } = usePages(API_KEYS, (page, options) => client.apiKeys.list(page, options));
  const closeRevoke = (): void => setRevoking(null);
  const revoke = useChange(API_KEYS, (id: string) => client.apiKeys.revoke(id), closeRevoke);
  return (
    <Section
      title="API keys"
      text="Programs show one as X-API-Key. A key belongs to the team, not to who made it."
      action={
        <Button variant="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden="true" /> New key
        </Button>
      }
    >
      <Pages query={query}>
        {items.length === 0 ? (
          <Empty title="No key yet." />
        ) : (
          <Table label="API keys" columns={COLUMNS}>
            {items.map((key) => (
              <ApiKeyRow
                key={key.id}
                apiKey={key}
                now={now}
                onRotate={() => setRotating(key)}
                onRevoke={() => setRevoking(key)}
              />
            ))}
          </Table>
        )}
      </Pages>
      <NewKeyDialog open={creating} onClose={() => setCreating(false)} />
      <RotateDialog apiKey={rotating} onClose={() => setRotating(null)} />
      <Confirm
        open={revoking !== null}
        title={`Revoke ${revoking?.name ?? ''}?`}
        text="What uses this key is refused from the next request on. It cannot be undone."
        action="Revoke"
        busy={revoke.isPending}
        onConfirm={() => revoke.mutate(revoking!.id)}
        onClose={closeRevoke}
      />
      {revoke.isError && <ErrorNotice error={explain(revoke.error)} />}
    </Section>
  );
}
