import { z } from 'zod';
import type { OutgoingMail } from '../ports.ts';
import { oneLine, renderLetter, type Letter } from './render.ts';

const NAME_LENGTH = 100;

/** Names are chosen by strangers: one line, and not so long that they can tell a story of their own. */
const name = z
  .string()
  .min(1)
  .transform((text) => oneLine(text).slice(0, NAME_LENGTH));
const url = z.url({ protocol: /^https?$/ });
const token = z.string().min(1);
const link = z.strictObject({ name, url, token });

interface Template<S extends z.ZodType> {
  variables: S;
  /** After this many hours in the queue it is not sent any more. */
  keepHours: number;
  /** A person may switch it off in the profile. */
  optional?: true;
  write(variables: z.output<S>): Letter;
}

const template = <S extends z.ZodType>(definition: Template<S>): Template<S> => definition;

const NOT_YOU = 'If this was not you, do nothing: without the link nothing happens.';

/** Every mail there is. Links are whole URLs. */
export const TEMPLATES = {
  verify_email: template({
    variables: link,
    keepHours: 24,
    write: (v) => ({
      subject: 'Confirm your e-mail address',
      paragraphs: [`Hello ${v.name}, please confirm that this address is yours.`, NOT_YOU],
      action: { label: 'Confirm the address', url: v.url },
    }),
  }),
  address_taken: template({
    variables: z.strictObject({ name, url }),
    keepHours: 24,
    write: (v) => ({
      subject: 'You have an account already',
      paragraphs: [
        `Hello ${v.name}, somebody tried to make an account with this address. You have one already; ` +
          'if you forgot the password, choose a new one.',
        'If this was not you, do nothing: your account is as it was.',
      ],
      action: { label: 'Go to your account', url: v.url },
    }),
  }),
  password_reset: template({
    variables: link,
    keepHours: 1,
    write: (v) => ({
      subject: 'Choose a new password',
      paragraphs: [`Hello ${v.name}, somebody asked for a new password for your account.`, NOT_YOU],
      action: { label: 'Choose a new password', url: v.url },
    }),
  }),
  password_changed: template({
    variables: z.strictObject({ name }),
    keepHours: 72,
    write: (v) => ({
      subject: 'Your password was changed',
      paragraphs: [
        `Hello ${v.name}, the password of your account was changed a moment ago.`,
        'If this was not you, ask for a new password at once and tell an owner of your team.',
      ],
    }),
  }),
  invitation: template({
    variables: z.strictObject({ team: name, inviter: name, url, token }),
    keepHours: 168,
    write: (v) => ({
      subject: `Invitation to the team ${v.team}`,
      paragraphs: [
        `${v.inviter} invites you to the team ${v.team}.`,
        'The link is of use once, for seven days. If you did not expect this, do nothing.',
      ],
      action: { label: 'See the invitation', url: v.url },
    }),
  }),
  secret_expiring: template({
    variables: z.strictObject({ secret: name, expires_at: z.string().min(1) }),
    keepHours: 24,
    optional: true,
    write: (v) => ({
      subject: `The secret ${v.secret} is about to expire`,
      paragraphs: [
        `The secret ${v.secret} expires at ${v.expires_at}. What uses it fails from then on.`,
        'Give it a new value before that. These notices can be switched off in your profile.',
      ],
    }),
  }),
} as const;

export type TemplateName = keyof typeof TEMPLATES;

/** Names of the templates that a person may switch off. */
export type OptionalTemplate = {
  [N in TemplateName]: (typeof TEMPLATES)[N] extends { optional: true } ? N : never;
}[TemplateName];

/** @throws Error, naming the template, when there is none, or a variable is missing, unknown or wrong */
export function renderTemplate(
  given: string,
  variables: unknown,
): Pick<OutgoingMail, 'subject' | 'text' | 'html'> {
  if (!Object.hasOwn(TEMPLATES, given)) throw new Error(`There is no mail ${given}.`);
  const { variables: schema, write } = TEMPLATES[given as TemplateName] as Template<z.ZodType>;
  const parsed = schema.safeParse(variables);
  if (parsed.success) return renderLetter(write(parsed.data));
  const fields = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`The mail ${given} cannot be written (${fields.join('; ')}).`);
}
