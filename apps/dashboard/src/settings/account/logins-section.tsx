import type { UserSession } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { Confirm } from '../../component/dialog.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { Pages } from '../../component/pages.tsx';
import { Cell, Row, Table } from '../../component/table.tsx';
import { describeAgent } from '../../lib/describe-agent.ts';
import { explain } from '../../lib/explain.ts';
import { formatAge, formatFull } from '../../lib/format.ts';
import { useNow } from '../../lib/use-now.ts';
import { usePages } from '../../lib/use-pages.ts';
import { Section } from '../section.tsx';
import { useChange } from '../use-change.ts';

const KEY = ['logins'];

/** Where the user is logged in. */
export function LoginsSection() {
  const client = useClient();
  const now = useNow(30_000);
  const { query, items } = usePages(KEY, (page, options) => client.auth.sessions(page, options));
  const revoke = useChange(KEY, (id: string) => client.auth.revokeSession(id));
  const revokeOthers = useChange(
    KEY,
    () => client.auth.revokeOtherSessions(),
    () => setAsking(false),
  );
  const [asking, setAsking] = useState(false);
  const error = revoke.error ?? revokeOthers.error;
  return (
    <Section
      title="Where you are logged in"
      action={
        items.length > 1 && (
          <Button size="small" onClick={() => setAsking(true)}>
            Log out everywhere else
          </Button>
        )
      }
    >
      {error !== null && <ErrorNotice error={explain(error)} />}
      <Pages query={query}>
        <Table label="Logins" columns={['Browser', 'Address', 'Since', 'Last seen', '']}>
          {items.map((login) => (
            <LoginRow
              key={login.id}
              login={login}
              now={now}
              busy={revoke.isPending}
              onRevoke={() => revoke.mutate(login.id)}
            />
          ))}
        </Table>
      </Pages>
      <Confirm
        open={asking}
        title="Log out everywhere else?"
        text="Every login of yours but this one ends at once."
        action="Log out everywhere else"
        busy={revokeOthers.isPending}
        onConfirm={() => revokeOthers.mutate()}
        onClose={() => setAsking(false)}
      />
    </Section>
  );
}

interface LoginRowProps {
  login: UserSession;
  now: number;
  busy: boolean;
  onRevoke: () => void;
}

function LoginRow({ login, now, busy, onRevoke }: LoginRowProps) {
  const name = describeAgent(login.user_agent);
  return (
    <Row>
      <Cell>
        <span title={login.user_agent ?? undefined}>{name}</span>
      </Cell>
      <Cell className="font-mono text-xs">{login.ip ?? '–'}</Cell>
      <Cell className="whitespace-nowrap">{formatFull(login.created_at)}</Cell>
      <Cell className="whitespace-nowrap">{formatAge(login.last_seen_at, now)}</Cell>
      <Cell className="pr-0 text-right">
        {login.current ? (
          <Badge tone="info">This one</Badge>
        ) : (
          <Button size="small" disabled={busy} aria-label={`Log out ${name}`} onClick={onRevoke}>
            Log out
          </Button>
        )}
      </Cell>
    </Row>
  );
}
