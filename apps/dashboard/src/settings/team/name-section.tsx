import type { Team } from '@holdfast/protocol';
import { useState } from 'react';
import { useAuth } from '../../auth/session.tsx';
import { TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { SuccessNotice } from '../../component/notice.tsx';
import { Section } from '../section.tsx';
import { useChange } from '../use-change.ts';

/** For owners and admins. */
export function NameSection({ team }: { team: Team }) {
  const { client, keeper } = useAuth();
  const [name, setName] = useState(team.name);
  const rename = useChange(
    ['team'],
    () => client.teams.update(team.id, { name: name.trim() }),
    (renamed) => keeper.rename(renamed.name),
  );
  return (
    <Section title="Name of the team">
      <Form label="Name of the team" attempt={rename} action="Rename" busy="Saving…" className="max-w-md">
        <TextField label="Name" required maxLength={200} value={name} onChange={setName} />
        {rename.isSuccess && <SuccessNotice>Saved.</SuccessNotice>}
      </Form>
    </Section>
  );
}
