import type { AcceptedInvitation, InvitationView } from '@holdfast/protocol';
import { createClient } from '@holdfast/sdk';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { Button } from '../component/button.tsx';
import { TextField } from '../component/field.tsx';
import { Form } from '../component/form.tsx';
import { ErrorNotice, Loading, SuccessNotice } from '../component/notice.tsx';
import { explain } from '../lib/explain.ts';
import { ROLE_NAMES } from '../lib/role.ts';
import { BackToLogin, Entrance } from './entrance.tsx';
import { useLinkToken } from './link-token.ts';
import { LoginForm } from './login-form.tsx';
import { NewPasswordField } from './new-password-field.tsx';
import { useAuth, useClient } from './session.tsx';

/** Where the link of an invitation leads to. */
export default function InvitationPage() {
  const client = useClient();
  const token = useLinkToken();
  const [accepted, setAccepted] = useState<AcceptedInvitation | null>(null);
  const view = useQuery({
    queryKey: ['invitation', token],
    queryFn: ({ signal }) => client.invitations.view(token, { signal }),
    enabled: token !== '' && accepted === null,
  });
  return (
    <Entrance title="Invitation" heading="Invitation" foot={<BackToLogin />}>
      {token === '' && <ErrorNotice error="This address is not complete. Open the link in the mail again." />}
      {accepted !== null ? (
        <Welcome accepted={accepted} />
      ) : (
        <>
          {view.isLoading && <Loading />}
          {view.isError && <ErrorNotice error={explain(view.error)} />}
          {view.data !== undefined && (
            <Accept invitation={view.data} token={token} onAccepted={setAccepted} />
          )}
        </>
      )}
    </Entrance>
  );
}

interface AcceptProps {
  invitation: InvitationView;
  token: string;
  onAccepted: (accepted: AcceptedInvitation) => void;
}

function Accept({ invitation, token, onAccepted }: AcceptProps) {
  const { login } = useAuth();
  const { team_name, inviter, email, role, has_account } = invitation;
  return (
    <>
      <p className="text-sm">
        {inviter} invites {email} to the team <strong>{team_name}</strong> as {ROLE_NAMES[role].toLowerCase()}
        .
      </p>
      {login !== null ? (
        <AcceptAsUser token={token} onAccepted={onAccepted} />
      ) : has_account ? (
        <>
          <p className="text-sm text-muted-foreground">Log in with that address to accept.</p>
          <LoginForm />
        </>
      ) : (
        <AcceptAsNew token={token} onAccepted={onAccepted} />
      )}
    </>
  );
}

function AcceptAsUser({ token, onAccepted }: Omit<AcceptProps, 'invitation'>) {
  const { login, client, keeper } = useAuth();
  const accept = useMutation({
    mutationFn: () => client.invitations.accept(token, {}, { attempts: 1 }),
    onSuccess: onAccepted,
  });
  return (
    <Form
      label="Accept"
      attempt={accept}
      action={`Accept as ${login?.user.email}`}
      busy="Joining…"
      more={<Button onClick={() => keeper.leave()}>I am somebody else</Button>}
    />
  );
}

function AcceptAsNew({ token, onAccepted }: Omit<AcceptProps, 'invitation'>) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const { keeper } = useAuth();
  const accept = useMutation({
    mutationFn: async () => {
      const client = createClient({ baseUrl: '' });
      const account = { name: name.trim(), password };
      const accepted = await client.invitations.accept(token, account, { attempts: 1 });
      onAccepted(accepted);
      const { team, user } = accepted;
      keeper.begin(await client.auth.login({ email: user.email, password, tenant_id: team.id }));
    },
  });
  return (
    <Form label="Join" attempt={accept} action="Create account and join" busy="Joining…">
      <TextField
        label="Your name"
        autoComplete="name"
        required
        maxLength={200}
        autoFocus
        value={name}
        onChange={setName}
      />
      <NewPasswordField label="Password" value={password} onChange={setPassword} />
    </Form>
  );
}

function Welcome({ accepted: { team, user } }: { accepted: AcceptedInvitation }) {
  const { login, client, keeper } = useAuth();
  const [, navigate] = useLocation();
  const open = useMutation({
    mutationFn: async () => {
      if (login?.tenantId !== team.id) keeper.switch(await client.auth.switchTenant(team.id));
      navigate('/');
    },
  });
  return (
    <>
      <SuccessNotice>You are a member of {team.name} now.</SuccessNotice>
      {login !== null ? (
        <Form label="Open" attempt={open} action={`Open ${team.name}`} />
      ) : (
        <p className="text-sm text-muted-foreground">Log in as {user.email} to begin.</p>
      )}
    </>
  );
}
