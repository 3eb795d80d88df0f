import { randomBytes } from 'node:crypto';
import type { AuditActor, AuditChange, AuditContext, AuditTarget } from '@holdfast/protocol';
import { v4 as randomId, v7 as newId } from 'uuid';
import type { Client, Ctx } from '../context.ts';
import type { Tx } from '../ports.ts';
import { together } from '../together.ts';
import { diffOf, toJson } from './diff.ts';
import { hashEntry, SCHEMA_VERSION } from './entry.ts';
import { fill, Protector } from './protect.ts';
import { appendEntry, holdChain, insertSubject, lockHead, selectSubjectKeys } from './queries.ts';
import type { SubjectKey } from './seal.ts';

/** The chain of what happens before a tenant is known: failed logins, requests without a credential. */
export const SYSTEM_TENANT = '00000000-0000-0000-0000-000000000000';

/** Who did it and from where. */
export interface Auditor {
  tenantId: string;
  /** `user:<id>`, `key:<id>`, ..., or `anonymous`. */
  actor: string;
  /** Id of the user that a service acts for. */
  onBehalfOf?: string | null;
  client?: Client;
  requestId?: string;
  /** Digests secrets, so that equal ones can be told; without it they are withheld. */
  digest?: (secret: string) => string;
}

export interface AuditEntry {
  /** `noun.verb`, past: `project.updated`, `login.failed`. */
  action: string;
  targets: readonly { type: string; id: string; name?: string }[];
  /** State before and after; the log keeps their difference, with secrets digested. */
  before?: object;
  after?: object;
  /** Default `success`. */
  outcome?: 'success' | 'denied' | 'failure';
  details?: Record<string, unknown>;
}

export function auditor(ctx: Ctx): Auditor {
  const { principal, client, requestId } = ctx;
  const { tenantId, actor, service } = principal;
  const digest = (secret: string) => ctx.notary.digest(tenantId, secret);
  if (service === undefined) return { tenantId, actor, client, requestId, digest };
  return { tenantId, actor: `service:${service}`, onBehalfOf: principal.userId, client, requestId, digest };
}

/**
 * Appends one entry in the caller's transaction, so that it is there if and only if the change is. From here to the
 * end of the transaction the tenant's other writers wait: call it last.
 */
export async function recordAudit(tx: Tx, who: Auditor, entry: AuditEntry): Promise<void> {
  const { tenantId } = who;
  const draft = draftEntry(who, entry);
  const subjects = [...draft.subjects];
  const [end, known] = await together([lockHead(tx, tenantId), selectSubjectKeys(tx, tenantId, subjects)]);
  const head = end ?? (await holdChain(tx, tenantId));
  const keys = await completeKeys(tx, tenantId, subjects, end === null ? [] : known);
  const body = fill(draft.body, keys) as typeof draft.body;
  const hashed = {
    schema_version: SCHEMA_VERSION,
    tenant_id: tenantId,
    seq: head.seq + 1,
    id: newId(),
    occurred_at: head.now.toISOString(),
    prev_hash: head.hash,
    ...body,
  };
  await appendEntry(tx, { ...hashed, hash: hashEntry(hashed) });
}

/** Makes the keys that are missing; the chain's lock keeps others from making the same. */
async function completeKeys(
  tx: Tx,
  tenantId: string,
  subjects: readonly string[],
  found: readonly (SubjectKey & { subject: string })[],
): Promise<Map<string, SubjectKey>> {
  let known = found;
  if (found.length < subjects.length) known = await selectSubjectKeys(tx, tenantId, subjects);
  const keys = new Map(known.map(({ subject, id, key }) => [subject, { id, key }]));
  for (const subject of subjects.filter((name) => !keys.has(name))) {
    const made = { id: randomId(), key: randomBytes(32) };
    await insertSubject(tx, tenantId, { ...made, subject });
    keys.set(subject, made);
  }
  return keys;
}

interface Draft {
  /** Not yet sealed: for `fill`. */
  body: {
    actor: AuditActor;
    action: string;
    outcome: NonNullable<AuditEntry['outcome']>;
    targets: AuditTarget[];
    context: AuditContext;
    diff: AuditChange[] | null;
  };
  subjects: ReadonlySet<string>;
}

function draftEntry(who: Auditor, entry: AuditEntry): Draft {
  const { action, targets, before, after, outcome = 'success', details } = entry;
  const behalf = who.onBehalfOf ? `user:${who.onBehalfOf}` : null;
  const origin = behalf ?? who.actor;
  const about = targets.find(({ type }) => type === 'user');
  const person = about === undefined ? origin : `user:${about.id}`;
  const aboutPerson = targets[0]?.type === 'user';
  const protector = new Protector({ digest: who.digest, person, aboutPerson });
  const from = (text: string | null | undefined) =>
    text === null || text === undefined ? null : (protector.personal(text, origin) as string);
  const body: Draft['body'] = {
    actor: { type: who.actor.split(':', 1)[0]!, id: who.actor, on_behalf_of: behalf },
    action,
    outcome,
    targets: targets.map((target) => protectTarget(protector, target)),
    context: {
      ip: from(who.client?.ip),
      user_agent: from(who.client?.userAgent),
      request_id: who.requestId ?? null,
      ...(details === undefined
        ? {}
        : { details: protector.protect(toJson(details), 'details') as Record<string, unknown> }),
    },
    diff: diffOf(before, after, protector),
  };
  return { body, subjects: protector.subjects };
}

function protectTarget(protector: Protector, target: AuditEntry['targets'][number]): AuditTarget {
  const { type, id, name } = target;
  return {
    type,
    id: protector.protect(id, 'id') as string,
    ...(name === undefined ? {} : { name: protectName(protector, target, name) }),
  };
}

function protectName(protector: Protector, { type, id }: { type: string; id: string }, name: string): string {
  const named = type === 'user' ? protector.personal(name, `user:${id}`) : protector.protect(name, 'label');
  return named as string;
}
