import type { SecretDetail, SecretVersion } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { useChange } from '../use-change.ts';
import { SECRETS } from './queries.ts';

interface VersionListProps {
  secret: SecretDetail;
  nameOf: (subject: string) => string;
}

/** The values a secret has had: which is in use, which are a way back, which are out of use for good. */
export function VersionList({ secret, nameOf }: VersionListProps) {
  const client = useClient();
  const [doomed, setDoomed] = useState<number | null>(null);
  const disable = useChange(
    SECRETS,
    (version: number) => client.secrets.disableVersion(secret.id, version),
    () => setDoomed(null),
  );
  const used = secret.versions.find(({ disabled_at }) => disabled_at === null)?.version;
  return (
    <section aria-labelledby="versions-title" className="grid gap-2">
      <h3 id="versions-title" className="font-medium">
        Versions
      </h3>
      {disable.isError && <ErrorNotice error={explain(disable.error)} />}
      <ul aria-label="Versions" className="divide-y rounded-lg border">
        {secret.versions.map((version) => (
          <VersionRow
            key={version.version}
            version={version}
            isUsed={version.version === used}
            createdBy={nameOf(version.created_by)}
            asks={doomed === version.version}
            busy={disable.isPending}
            onAsk={setDoomed}
            onDisable={() => disable.mutate(version.version)}
          />
        ))}
      </ul>
    </section>
  );
}

interface VersionRowProps {
  version: SecretVersion;
  isUsed: boolean;
  createdBy: string;
  asks: boolean;
  busy: boolean;
  onAsk: (version: number | null) => void;
  onDisable: () => void;
}

function VersionRow({ version, isUsed, createdBy, asks, busy, onAsk, onDisable }: VersionRowProps) {
  const { version: number, last4, created_at, disabled_at } = version;
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
      <span className="font-medium tabular-nums">Version {number}</span>
      {last4 !== null && <span className="font-mono text-xs">…{last4}</span>}
      {isUsed && <Badge tone="success">in use</Badge>}
      {disabled_at !== null && <Badge>disabled</Badge>}
      <span className="mr-auto text-xs text-muted-foreground">
        {formatFull(created_at)} by {createdBy}
      </span>
      {disabled_at === null && !asks && (
        <Button size="small" aria-label={`Disable version ${number}`} onClick={() => onAsk(number)}>
          Disable
        </Button>
      )}
      {asks && (
        <span className="flex items-center gap-2">
          <span className="text-xs">For good?</span>
          <Button size="small" autoFocus onClick={() => onAsk(null)}>
            Keep
          </Button>
          <Button size="small" variant="destructive" disabled={busy} onClick={onDisable}>
            Disable version {number}
          </Button>
        </span>
      )}
    </li>
  );
}
