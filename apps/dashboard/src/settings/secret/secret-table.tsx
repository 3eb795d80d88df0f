import type { Secret } from '@holdfast/protocol';
import { Badge } from '../../component/badge.tsx';
import { formatAge, formatFull } from '../../lib/format.ts';
import { expiryOf, labelOf } from './describe.ts';

interface SecretTableProps {
  secrets: readonly Secret[];
  /** Ids of those nobody has used for long. */
  unused: ReadonlySet<string>;
  now: number;
  onOpen: (id: string) => void;
}

export function SecretTable({ secrets, unused, now, onOpen }: SecretTableProps) {
  return (
    <div
      role="region"
      aria-label="List of secrets"
      tabIndex={0}
      className="overflow-x-auto rounded-lg border bg-card"
    >
      <table aria-label="Secrets" className="w-full min-w-xl text-left">
        <thead className="text-xs text-muted-foreground">
          <tr>
            {['Name', 'Kind', 'Version', 'Last four', 'Expires', 'Last used'].map((name) => (
              <th key={name} scope="col" className="px-4 py-2 font-medium">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y">
          {secrets.map((secret) => (
            <SecretRow
              key={secret.id}
              secret={secret}
              isUnused={unused.has(secret.id)}
              now={now}
              onOpen={() => onOpen(secret.id)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function SecretRow(props: { secret: Secret; isUnused: boolean; now: number; onOpen: () => void }) {
  const { secret, isUnused, now } = props;
  const { name, kind, latest_version, last4, expires_at, last_accessed_at } = secret;
  const expiry = expiryOf(secret, now);
  return (
    <tr>
      <th scope="row" className="px-4 py-2.5 font-normal">
        <button
          type="button"
          className="font-mono font-medium break-all underline-offset-2 hover:underline"
          onClick={props.onOpen}
        >
          {name}
        </button>
      </th>
      <td className="px-4 py-2.5">{labelOf(kind)}</td>
      <td className="px-4 py-2.5 tabular-nums">{latest_version}</td>
      <td className="px-4 py-2.5 font-mono text-xs">{last4 === null ? '—' : `…${last4}`}</td>
      <td className="px-4 py-2.5" title={expires_at === null ? undefined : formatFull(expires_at)}>
        {expiry.tone === 'neutral' ? expiry.text : <Badge tone={expiry.tone}>{expiry.text}</Badge>}
      </td>
      <td
        className="px-4 py-2.5"
        title={last_accessed_at === null ? undefined : formatFull(last_accessed_at)}
      >
        {last_accessed_at === null ? 'never' : formatAge(last_accessed_at, now)}
        {isUnused && (
          <Badge tone="warning" className="ml-2">
            unused
          </Badge>
        )}
      </td>
    </tr>
  );
}
