import type { TwoFactorSetup } from '@holdfast/protocol';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Button } from '../../component/button.tsx';
import { CopyButton } from '../../component/copy.tsx';
import { Form } from '../../component/form.tsx';
import { ErrorNotice, Loading } from '../../component/notice.tsx';
import { explain } from '../../lib/explain.ts';
import { CodeField, digitsOf } from './code-field.tsx';

interface SetUpProps {
  onEnabled: (codes: readonly string[]) => void;
  onCancel: () => void;
}

/** Shows the secret to an app; the first code of it turns the second factor on. */
export function TwoFactorSetUp({ onEnabled, onCancel }: SetUpProps) {
  const client = useClient();
  const setup = useQuery({
    queryKey: ['two-factor-setup'],
    queryFn: ({ signal }) => client.twoFactor.setUp({ signal }),
    // Asked again it would be another secret, and the app would have the wrong one.
    staleTime: Infinity,
    gcTime: 0,
  });
  if (setup.isError)
    return (
      <>
        <ErrorNotice error={explain(setup.error)} onRetry={() => void setup.refetch()} />
        <Button className="justify-self-start" onClick={onCancel}>
          Cancel
        </Button>
      </>
    );
  if (setup.isPending) return <Loading />;
  return <Enable setup={setup.data} onEnabled={onEnabled} onCancel={onCancel} />;
}

function Enable({ setup, onEnabled, onCancel }: SetUpProps & { setup: TwoFactorSetup }) {
  const client = useClient();
  const [code, setCode] = useState('');
  const enable = useMutation({
    mutationFn: () => client.twoFactor.enable({ code: digitsOf(code) }),
    onSuccess: ({ backup_codes }) => onEnabled(backup_codes),
    onError: () => setCode(''),
  });
  return (
    <div className="grid items-start gap-5 sm:grid-cols-[auto_minmax(0,1fr)]">
      <img
        alt="QR code of the secret, for an authenticator app"
        className="size-44 rounded-md bg-white p-2"
        src={`data:image/svg+xml,${encodeURIComponent(setup.qr_svg)}`}
      />
      <div className="grid gap-4">
        <div className="grid gap-1 text-sm">
          <p>Scan the picture with an authenticator app, or type the secret into it:</p>
          <div className="flex flex-wrap items-center gap-2">
            <code className="rounded bg-muted px-2 py-1 font-mono text-xs break-all">{setup.secret}</code>
            <CopyButton text={setup.secret} label="Copy the secret" />
          </div>
        </div>
        <Form
          label="Second factor"
          attempt={enable}
          action="Turn on"
          busy="Checking…"
          className="max-w-md"
          more={<Button onClick={onCancel}>Cancel</Button>}
        >
          <CodeField autoFocus value={code} onChange={setCode} />
        </Form>
      </div>
    </div>
  );
}
