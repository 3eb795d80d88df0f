import type { ApiKey } from '@holdfast/protocol';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { Cell, Row } from '../../component/table.tsx';
import { formatAge, formatFull } from '../../lib/format.ts';

interface ApiKeyRowProps {
  apiKey: ApiKey;
  now: number;
  onRotate: () => void;
  onRevoke: () => void;
}

export function ApiKeyRow({ apiKey, now, onRotate, onRevoke }: ApiKeyRowProps) {
  const { name, prefix, scopes, created_at, last_used_at, previous_expires_at } = apiKey;
  const overlaps = previous_expires_at !== null && Date.parse(previous_expires_at) > now;
  return (
    <Row>
      <Cell>
        <span className="block font-medium">{name}</span>
        <span className="block font-mono text-xs text-muted-foreground">{prefix}…</span>
        {overlaps && (
          <span className="block text-xs text-warning">
            The secret before it is taken until {formatFull(previous_expires_at)}
          </span>
        )}
      </Cell>
      <Cell>{scopes.join(', ')}</Cell>
      <Cell className="whitespace-nowrap">
        <time dateTime={created_at} title={formatFull(created_at)}>
          {formatAge(created_at, now)}
        </time>
      </Cell>
      <Cell className="whitespace-nowrap">
        {last_used_at === null ? 'never' : formatAge(last_used_at, now)}
      </Cell>
      <Cell className="whitespace-nowrap">
        <Expiry apiKey={apiKey} now={now} />
      </Cell>
      <Cell className="pr-0 text-right whitespace-nowrap">
        {hasEnded(apiKey, now) || (
          <span className="inline-flex gap-2">
            <Button size="small" aria-label={`Rotate ${name}`} onClick={onRotate}>
              Rotate
            </Button>
            <Button size="small" aria-label={`Revoke ${name}`} onClick={onRevoke}>
              Revoke
            </Button>
          </span>
        )}
      </Cell>
    </Row>
  );
}

function Expiry({ apiKey: { revoked_at, expires_at }, now }: { apiKey: ApiKey; now: number }) {
  if (revoked_at !== null)
    return (
      <Badge tone="error" title={formatFull(revoked_at)}>
        revoked
      </Badge>
    );
  if (expires_at === null) return 'never';
  if (Date.parse(expires_at) <= now) return <Badge tone="warning">expired</Badge>;
  return formatFull(expires_at);
}

function hasEnded({ revoked_at, expires_at }: ApiKey, now: number): boolean {
  return revoked_at !== null || (expires_at !== null && Date.parse(expires_at) <= now);
}
