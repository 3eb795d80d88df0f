import type { Invitation, Team, TeamRole } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Badge, type Tone } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { Field, Select, TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { ErrorNotice, SuccessNotice } from '../../component/notice.tsx';
import { Pages } from '../../component/pages.tsx';
import { Cell, Row, Table } from '../../component/table.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { ROLE_NAMES, ROLES } from '../../lib/role.ts';
import { usePages } from '../../lib/use-pages.ts';
import { Section } from '../section.tsx';
import { useChange } from '../use-change.ts';

const KEY = ['invitations'];
const TONES: Readonly<Record<Invitation['status'], Tone>> = {
  pending: 'info',
  accepted: 'success',
  revoked: 'neutral',
  expired: 'warning',
};

/** For owners and admins. */
export function InvitationsSection({ team }: { team: Team }) {
  const client = useClient();
  const { query, items } = usePages(KEY, (page, options) => client.invitations.list(team.id, page, options));
  const revoke = useChange(KEY, (id: string) => client.invitations.revoke(team.id, id));
  return (
    <Section title="Invitations" text="A link is mailed, of use once and for seven days.">
      <InviteForm team={team} />
      {revoke.isError && <ErrorNotice error={explain(revoke.error)} />}
      <Pages query={query}>
        {items.length > 0 && (
          <Table label="Invitations" columns={['E-mail', 'Role', 'Status', 'Until', '']}>
            {items.map(({ id, email, role, status, expires_at }) => (
              <Row key={id}>
                <Cell>{email}</Cell>
                <Cell>{ROLE_NAMES[role]}</Cell>
                <Cell>
                  <Badge tone={TONES[status]}>{status}</Badge>
                </Cell>
                <Cell className="whitespace-nowrap">{formatFull(expires_at)}</Cell>
                <Cell className="pr-0 text-right">
                  {status === 'pending' && (role !== 'owner' || team.role === 'owner') && (
                    <Button
                      size="small"
                      disabled={revoke.isPending}
                      aria-label={`Withdraw the invitation of ${email}`}
                      onClick={() => revoke.mutate(id)}
                    >
                      Withdraw
                    </Button>
                  )}
                </Cell>
              </Row>
            ))}
          </Table>
        )}
      </Pages>
    </Section>
  );
}

function InviteForm({ team }: { team: Team }) {
  const client = useClient();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<TeamRole>('member');
  const offered = team.role === 'owner' ? ROLES : ROLES.filter((name) => name !== 'owner');
  const invite = useChange(
    KEY,
    () => client.invitations.create(team.id, { email: email.trim(), role }, { attempts: 1 }),
    () => setEmail(''),
  );
  return (
    <Form label="Invite" attempt={invite} action="Invite" busy="Inviting…">
      <div className="grid gap-4 sm:grid-cols-[minmax(0,1fr)_9rem]">
        <TextField
          label="E-mail"
          type="email"
          autoComplete="off"
          required
          value={email}
          onChange={setEmail}
        />
        <Field label="Role">
          {(id) => (
            <Select id={id} value={role} onChange={(event) => setRole(event.target.value as TeamRole)}>
              {offered.map((name) => (
                <option key={name} value={name}>
                  {ROLE_NAMES[name]}
                </option>
              ))}
            </Select>
          )}
        </Field>
      </div>
      {invite.isSuccess && <SuccessNotice>{invite.data.email} is invited.</SuccessNotice>}
    </Form>
  );
}
