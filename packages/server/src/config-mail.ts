import { z } from 'zod';
import type { Doc } from './config-field.ts';

const mail = (description: string): Doc => ({ group: 'Mail', description });

const ADDRESS = /^(?:[^<>"\r\n]{1,100} <([^<>\s]{3,254})>|([^<>\s]{3,254}))$/;

function isSender(value: string): boolean {
  const [, named, bare] = ADDRESS.exec(value) ?? [];
  return z.email().safeParse(named ?? bare).success;
}

function isMailServer(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  return (protocol === 'smtp:' || protocol === 'smtps:') && hostname !== '';
}

export const MAIL_VARIABLES = {
  SMTP_URL: z
    .string()
    .refine(isMailServer)
    .optional()
    .meta({
      ...mail('Server that mails leave by, with its login. Without it they are only kept in the outbox.'),
      rule: 'a URL beginning with smtp:// or smtps://, with the name of a server',
    }),
  MAIL_FROM: z
    .string()
    .refine(isSender)
    .optional()
    .meta({
      ...mail('Sender of all mails. Required with SMTP_URL.'),
      rule: 'an e-mail address, or a name and <an e-mail address>',
    }),
} as const;

type Variables = { [N in keyof typeof MAIL_VARIABLES]: z.output<(typeof MAIL_VARIABLES)[N]> };

/** Rules over several variables. A variable that is itself wrong is left out of `values`. */
export function checkMailVariables(
  values: Partial<Variables> & { PUBLIC_URL?: string },
  isProduction: boolean,
  needs: (name: 'MAIL_FROM' | 'PUBLIC_URL', rule: string) => void,
): void {
  if (values.SMTP_URL === undefined) return;
  needs('MAIL_FROM', 'is required with SMTP_URL.');
  if (isProduction) needs('PUBLIC_URL', 'is required with SMTP_URL: the links in mails begin with it.');
}

/** Null without a mail server. */
export function toMailConfig({ SMTP_URL, MAIL_FROM }: Variables): { url: string; from: string } | null {
  return SMTP_URL === undefined || MAIL_FROM === undefined ? null : { url: SMTP_URL, from: MAIL_FROM };
}
