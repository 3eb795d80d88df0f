import type { Secret } from '@holdfast/protocol';
import { TriangleAlert } from 'lucide-react';
import { expiryOf } from './describe.ts';

interface ExpiryWarningProps {
  secrets: readonly Secret[];
  now: number;
  onOpen: (id: string) => void;
}

/** Which secrets are refused on use already, or will be within 30 days. */
export function ExpiryWarning({ secrets, now, onOpen }: ExpiryWarningProps) {
  if (secrets.length === 0) return null;
  return (
    <section
      aria-label="Expiring secrets"
      className="flex items-start gap-2 rounded-md border border-warning/40 bg-warning/10 px-3 py-2 text-sm text-warning"
    >
      <TriangleAlert aria-hidden="true" className="mt-0.5 size-4 shrink-0" />
      <div>
        <p>Give these a new version with a later end:</p>
        <ul>
          {secrets.map((secret) => {
            const { text } = expiryOf(secret, now);
            return (
              <li key={secret.id}>
                <button type="button" className="font-mono underline" onClick={() => onOpen(secret.id)}>
                  {secret.name}
                </button>{' '}
                {text === 'expired' ? 'has expired' : `expires ${text}`}
              </li>
            );
          })}
        </ul>
      </div>
    </section>
  );
}
