import { v7 as newId } from 'uuid';
import { SYSTEM_TENANT } from '../audit/index.ts';
import type { Tx } from '../ports.ts';
import { tellMailQueued } from './hint.ts';
import { findRecipient, insertMail } from './queries.ts';
import { renderTemplate, TEMPLATES } from './template.ts';

/** A mail to one person, by template. Links are whole URLs. */
export type Mail = {
  to: string;
  /** Whose mail it is; the recipient's home when left out. */
  tenantId?: string;
} & (
  | { template: 'verify_email'; variables: { name: string; url: string; token: string } }
  | { template: 'address_taken'; variables: { name: string; url: string } }
  | { template: 'password_reset'; variables: { name: string; url: string; token: string } }
  | { template: 'password_changed'; variables: { name: string } }
  | { template: 'invitation'; variables: { team: string; inviter: string; url: string; token: string } }
  | { template: 'secret_expiring'; variables: { secret: string; expires_at: string } }
);

/**
 * Puts a mail into the outbox, in the caller's transaction: it leaves only if the change stands.
 * One that its recipient has switched off is dropped.
 * @throws Error when a variable is missing
 */
export async function queueMail(tx: Tx, mail: Mail): Promise<void> {
  const { to, template, variables } = mail;
  // Written here to fail here: later nobody is there to be told.
  renderTemplate(template, variables);
  const definition = TEMPLATES[template];
  const recipient = await findRecipient(tx, to);
  if ('optional' in definition && recipient?.notifications[template] === false) return;
  await insertMail(tx, {
    id: newId(),
    tenant_id: mail.tenantId ?? recipient?.tenantId ?? SYSTEM_TENANT,
    recipient: to,
    template,
    variables: JSON.stringify(variables),
    keepHours: definition.keepHours,
  });
  const url = 'url' in variables ? variables.url : null;
  tx.afterCommit(() => tellMailQueued({ to, template, url }));
}
