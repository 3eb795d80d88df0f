import type { Secret, SecretKind } from '@holdfast/protocol';
import type { Tone } from '../../component/badge.tsx';
import { formatUntil } from '../../lib/until.ts';

const SOON_MS = 30 * 86_400_000;

export const KINDS: readonly { kind: SecretKind; label: string }[] = [
  { kind: 'model_key', label: 'Model key' },
  { kind: 'tool_credential', label: 'Tool credential' },
  { kind: 'webhook_secret', label: 'Webhook secret' },
  { kind: 'other', label: 'Other' },
];

export const labelOf = (kind: SecretKind): string => KINDS.find((each) => each.kind === kind)!.label;

/** `ends in 3 d`; `tone` warns from 30 days before. @param now milliseconds */
export function expiryOf(
  { expires_at }: Pick<Secret, 'expires_at'>,
  now: number,
): { text: string; tone: Tone } {
  if (expires_at === null) return { text: 'never', tone: 'neutral' };
  const until = formatUntil(expires_at, now);
  if (until === null) return { text: 'expired', tone: 'error' };
  return { text: until, tone: Date.parse(expires_at) - now < SOON_MS ? 'warning' : 'neutral' };
}
