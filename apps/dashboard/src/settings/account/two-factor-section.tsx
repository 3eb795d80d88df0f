import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useClient } from '../../auth/session.tsx';
import { Badge } from '../../component/badge.tsx';
import { Button } from '../../component/button.tsx';
import { ErrorNotice, Loading } from '../../component/notice.tsx';
import { Section } from '../section.tsx';
import { BackupCodes } from './backup-codes.tsx';
import { TwoFactorDisable } from './two-factor-disable.tsx';
import { TwoFactorRegenerate } from './two-factor-regenerate.tsx';
import { TwoFactorSetUp } from './two-factor-set-up.tsx';

type Step = 'set-up' | 'regenerate' | 'disable';

/** A code of an authenticator app beside the password. */
export function TwoFactorSection() {
  const client = useClient();
  const queries = useQueryClient();
  const [step, setStep] = useState<Step | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const status = useQuery({
    queryKey: ['two-factor'],
    queryFn: ({ signal }) => client.twoFactor.get({ signal }),
  });
  const finish = (shown: readonly string[] | null): void => {
    setCodes(shown);
    setStep(null);
    void queries.invalidateQueries({ queryKey: ['two-factor'] });
  };
  const isOn = status.data?.enabled === true;
  return (
    <Section
      title="Second factor"
      text="Each login asks for a code of an authenticator app, beside the password."
      action={status.data && <Badge tone={isOn ? 'success' : 'neutral'}>{isOn ? 'On' : 'Off'}</Badge>}
    >
      {status.isError && <ErrorNotice error={status.error} onRetry={() => void status.refetch()} />}
      {status.isPending && <Loading />}
      {codes !== null && <BackupCodes codes={codes} onDone={() => setCodes(null)} />}
      {step === 'set-up' && <TwoFactorSetUp onEnabled={finish} onCancel={() => setStep(null)} />}
      {step === 'regenerate' && <TwoFactorRegenerate onDone={finish} onCancel={() => setStep(null)} />}
      {step === 'disable' && <TwoFactorDisable onDone={() => finish(null)} onCancel={() => setStep(null)} />}
      {status.data !== undefined && step === null && codes === null && (
        <div className="flex flex-wrap items-center gap-2">
          {isOn ? (
            <>
              <p className="mr-auto text-sm">Backup codes left: {status.data.backup_codes_left}</p>
              <Button onClick={() => setStep('regenerate')}>New backup codes</Button>
              <Button onClick={() => setStep('disable')}>Turn off</Button>
            </>
          ) : (
            <Button variant="primary" onClick={() => setStep('set-up')}>
              Set up
            </Button>
          )}
        </div>
      )}
    </Section>
  );
}
