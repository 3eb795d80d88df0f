import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useAuth, useClient, useLogin } from '../../auth/session.tsx';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { ErrorNotice, SuccessNotice } from '../../component/notice.tsx';
import { Pages } from '../../component/pages.tsx';
import { Cell, Row, Table } from '../../component/table.tsx';
import { explain } from '../../lib/explain.ts';
import { ROLE_NAMES } from '../../lib/role.ts';
import { usePages } from '../../lib/use-pages.ts';
import { Section } from '../section.tsx';
import { useChange } from '../use-change.ts';

const KEY = ['teams'];

/** The teams of the user: one at a time is open, the others are one press away. */
export function TeamsSection() {
  const { client, keeper } = useAuth();
  const { tenantId } = useLogin();
  const { query, items } = usePages(KEY, (page, options) => client.teams.list(page, options));
  const open = useMutation({
    mutationFn: async (id: string) => keeper.switch(await client.auth.switchTenant(id)),
  });
  return (
    <Section title="Your teams" text="What one team has, no other team sees.">
      {open.isError && <ErrorNotice error={explain(open.error)} />}
      <Pages query={query}>
        <Table label="Your teams" columns={['Team', 'Your role', 'Tier', '']}>
          {items.map(({ id, name, role, tier }) => (
            <Row key={id}>
              <Cell className="font-medium">{name}</Cell>
              <Cell>{role === null ? '–' : ROLE_NAMES[role]}</Cell>
              <Cell className="capitalize">{tier}</Cell>
              <Cell className="pr-0 text-right">
                {id === tenantId ? (
                  <Badge tone="info">Open</Badge>
                ) : (
                  <Button
                    size="small"
                    disabled={open.isPending}
                    aria-label={`Switch to ${name}`}
                    onClick={() => open.mutate(id)}
                  >
                    Switch
                  </Button>
                )}
              </Cell>
            </Row>
          ))}
        </Table>
      </Pages>
      <CreateTeam />
    </Section>
  );
}

function CreateTeam() {
  const client = useClient();
  const [name, setName] = useState('');
  const create = useChange(
    KEY,
    () => client.teams.create({ name: name.trim() }),
    () => setName(''),
  );
  return (
    <Form label="New team" attempt={create} action="Create the team" busy="Creating…" className="max-w-md">
      <TextField label="Name of a new team" required maxLength={200} value={name} onChange={setName} />
      {create.isSuccess && <SuccessNotice>{create.data.name} is created; you own it.</SuccessNotice>}
    </Form>
  );
}
