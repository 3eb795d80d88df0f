import type { Profile } from '@holdfast/protocol';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { ResendVerification } from '../../auth/login-form.tsx';
import { useClient } from '../../auth/session.tsx';
import { Field, Input, TextField } from '../../component/field.tsx';
import { Form } from '../../component/form.tsx';
import { ErrorNotice, Loading, SuccessNotice } from '../../component/notice.tsx';
import { Section } from '../section.tsx';

const KEY = ['profile'];
/** Suggestions only; any language tag is taken. */
const LOCALES = ['en', 'en-GB', 'de', 'es', 'fr', 'it', 'ja', 'ko', 'nl', 'pl', 'pt-BR', 'zh-Hans'];

export function ProfileSection() {
  const client = useClient();
  const profile = useQuery({ queryKey: KEY, queryFn: ({ signal }) => client.profile.get({ signal }) });
  return (
    <Section title="Profile">
      {profile.isError && <ErrorNotice error={profile.error} onRetry={() => void profile.refetch()} />}
      {profile.isPending && <Loading />}
      {profile.data !== undefined && (
        <>
          <Address profile={profile.data} />
          <ProfileForm profile={profile.data} />
        </>
      )}
    </Section>
  );
}

function Address({ profile: { email, email_verified } }: { profile: Profile }) {
  return (
    <div className="flex flex-wrap items-center gap-3 text-sm">
      <span>
        <span className="text-muted-foreground">E-mail:</span> {email}
        {!email_verified && <span className="text-warning"> · not confirmed yet</span>}
      </span>
      {!email_verified && <ResendVerification email={email} />}
    </div>
  );
}

function ProfileForm({ profile }: { profile: Profile }) {
  const client = useClient();
  const queries = useQueryClient();
  const [name, setName] = useState(profile.name);
  const [locale, setLocale] = useState(profile.locale ?? '');
  const [notifies, setNotifies] = useState(profile.notifications.secret_expiring);
  const save = useMutation({
    mutationFn: () =>
      client.profile.update({
        name: name.trim(),
        locale: locale.trim() === '' ? null : locale.trim(),
        notifications: { secret_expiring: notifies },
      }),
    onSuccess: (saved) => queries.setQueryData(KEY, saved),
  });
  return (
    <Form label="Profile" attempt={save} action="Save" busy="Saving…" className="max-w-md">
      <TextField label="Name" autoComplete="name" required maxLength={200} value={name} onChange={setName} />
      <LocaleField value={locale} onChange={setLocale} />
      <label className="flex items-center gap-2 text-sm">
        <input
          type="checkbox"
          className="size-4 accent-primary"
          checked={notifies}
          onChange={(event) => setNotifies(event.target.checked)}
        />
        Mail me when a secret of the team is about to expire
      </label>
      {save.isSuccess && <SuccessNotice>Saved.</SuccessNotice>}
    </Form>
  );
}

function LocaleField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const list = useId();
  return (
    <Field label="Language" hint="A language tag such as de or en-GB; English when left empty.">
      {(id) => (
        <>
          <Input
            id={id}
            list={list}
            maxLength={35}
            value={value}
            onChange={(event) => onChange(event.target.value)}
          />
          <datalist id={list}>
            {LOCALES.map((locale) => (
              <option key={locale} value={locale} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}
