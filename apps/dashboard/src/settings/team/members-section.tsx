import type { Team, TeamMember, TeamRole } from '@holdfast/protocol';
import { useState } from 'react';
import { useClient, useLogin } from '../../auth/session.tsx';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { Confirm } from '../../component/dialog.tsx';
import { Select } from '../../component/field.tsx';
import { ErrorNotice } from '../../component/notice.tsx';
import { Pages } from '../../component/pages.tsx';
import { Cell, Row, Table } from '../../component/table.tsx';
import { explain } from '../../lib/explain.ts';
import { formatFull } from '../../lib/format.ts';
import { manages, ROLE_NAMES, ROLES } from '../../lib/role.ts';
import { usePages } from '../../lib/use-pages.ts';
import { Section } from '../section.tsx';
import { useChange } from '../use-change.ts';
import { useLeave } from './use-leave.ts';

const KEY = ['team'];

/** Members with their roles. Only owners make, change or remove owners. */
export function MembersSection({ team }: { team: Team }) {
  const client = useClient();
  const me = useLogin().user.id;
  const [removing, setRemoving] = useState<TeamMember | null>(null);
  const { query, items } = usePages([...KEY, 'members'], (page, options) =>
    client.teams.members(team.id, page, options),
  );
  const setRole = useChange(KEY, ({ userId, role }: { userId: string; role: TeamRole }) =>
    client.teams.setRole(team.id, userId, role),
  );
  const close = (): void => setRemoving(null);
  const remove = useChange(KEY, (userId: string) => client.teams.removeMember(team.id, userId), close);
  const leave = useLeave(team.id);
  const leaves = removing?.user_id === me;
  const error = setRole.error ?? remove.error ?? leave.error;
  return (
    <Section title={`Members of ${team.name}`}>
      {error !== null && <ErrorNotice error={explain(error)} />}
      <Pages query={query}>
        <Table label="Members" columns={['Name', 'Role', 'Since', '']}>
          {items.map((member) => (
            <MemberRow
              key={member.user_id}
              member={member}
              isMe={member.user_id === me}
              own={team.role}
              busy={setRole.isPending}
              onRole={(role) => setRole.mutate({ userId: member.user_id, role })}
              onRemove={() => setRemoving(member)}
            />
          ))}
        </Table>
      </Pages>
      <Confirm
        open={removing !== null}
        title={leaves ? `Leave ${team.name}?` : `Remove ${removing?.name}?`}
        text={
          leaves
            ? 'Only an invitation lets you in again.'
            : 'It counts at once. API keys belong to the team: revoke those that this person knew.'
        }
        action={leaves ? 'Leave' : 'Remove'}
        busy={remove.isPending || leave.isPending}
        onConfirm={() =>
          leaves ? leave.mutate(undefined, { onSettled: close }) : remove.mutate(removing!.user_id)
        }
        onClose={close}
      />
    </Section>
  );
}

interface MemberRowProps {
  member: TeamMember;
  isMe: boolean;
  /** The caller's role. */
  own: TeamRole | null;
  busy: boolean;
  onRole: (role: TeamRole) => void;
  onRemove: () => void;
}

function MemberRow({ member, isMe, own, busy, onRole, onRemove }: MemberRowProps) {
  const reaches = manages(own) && (own === 'owner' || member.role !== 'owner');
  const offered = own === 'owner' ? ROLES : ROLES.filter((role) => role !== 'owner');
  return (
    <Row>
      <Cell>
        <span className="flex items-center gap-2 font-medium">
          {member.name} {isMe && <Badge tone="info">You</Badge>}
        </span>
        <span className="block text-xs text-muted-foreground">{member.email}</span>
      </Cell>
      <Cell>
        {reaches ? (
          <Select
            aria-label={`Role of ${member.name}`}
            className="w-32"
            value={member.role}
            disabled={busy}
            onChange={(event) => onRole(event.target.value as TeamRole)}
          >
            {offered.map((role) => (
              <option key={role} value={role}>
                {ROLE_NAMES[role]}
              </option>
            ))}
          </Select>
        ) : (
          ROLE_NAMES[member.role]
        )}
      </Cell>
      <Cell className="whitespace-nowrap">{formatFull(member.joined_at)}</Cell>
      <Cell className="pr-0 text-right">
        {(isMe || reaches) && (
          <Button
            size="small"
            aria-label={isMe ? 'Leave the team' : `Remove ${member.name}`}
            onClick={onRemove}
          >
            {isMe ? 'Leave' : 'Remove'}
          </Button>
        )}
      </Cell>
    </Row>
  );
}
