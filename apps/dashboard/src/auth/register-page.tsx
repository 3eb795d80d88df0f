import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { TextField } from '../component/field.tsx';
import { Form } from '../component/form.tsx';
import { ErrorNotice, Loading, SuccessNotice } from '../component/notice.tsx';
import { BackToLogin, Entrance } from './entrance.tsx';
import { ResendVerification } from './login-form.tsx';
import { NewPasswordField } from './new-password-field.tsx';
import { useClient } from './session.tsx';

/** Makes an account, where the server lets anybody make one. */
export default function RegisterPage() {
  const client = useClient();
  const mode = useQuery({
    queryKey: ['registration'],
    queryFn: ({ signal }) => client.account.registration({ signal }),
    staleTime: Infinity,
  });
  return (
    <Entrance title="Create an account" heading="Create an account" foot={<BackToLogin />}>
      {mode.isPending && <Loading />}
      {mode.isError && <ErrorNotice error={mode.error} onRetry={() => void mode.refetch()} />}
      {mode.data?.registration === 'open' && <RegisterForm />}
      {mode.data?.registration === 'invite' && (
        <p className="text-sm">Accounts are made by invitation here. Ask an owner of a team to invite you.</p>
      )}
      {mode.data?.registration === 'closed' && (
        <p className="text-sm">Nobody makes accounts on this server.</p>
      )}
    </Entrance>
  );
}

function RegisterForm() {
  const client = useClient();
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const register = useMutation({
    mutationFn: () =>
      client.account.register({ name: name.trim(), email: email.trim(), password }, { attempts: 1 }),
  });
  if (register.isSuccess)
    return (
      <>
        <SuccessNotice>{register.data.message}</SuccessNotice>
        <ResendVerification email={email.trim()} />
      </>
    );
  return (
    <Form label="Create an account" attempt={register} action="Create the account" busy="Creating…">
      <TextField
        label="Name"
        autoComplete="name"
        required
        maxLength={200}
        autoFocus
        value={name}
        onChange={setName}
      />
      <TextField
        label="E-mail"
        type="email"
        autoComplete="username"
        required
        value={email}
        onChange={setEmail}
      />
      <NewPasswordField label="Password" value={password} onChange={setPassword} />
    </Form>
  );
}
