import { createHash, createHmac } from 'node:crypto';
import { textToSign } from '@holdfast/protocol';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Denial } from '../src/core/audit/index.ts';
import { findEnded, identify, type CredentialServices } from '../src/core/credential/index.ts';
import { FleetKeys } from '../src/core/fleet-key/index.ts';
import { GuestCookies } from '../src/core/guest/index.ts';
import type { SignedService } from '../src/core/signed-service/index.ts';
import { addMetricsRoute } from '../src/surfaces/ops/index.ts';
import { addApiKeyRoutes } from '../src/surfaces/platform/api-key-routes.ts';
import { addGuestRoutes } from '../src/surfaces/platform/guest-routes.ts';
import { addMeRoutes } from '../src/surfaces/platform/me-routes.ts';
import { addProjectRoutes } from '../src/surfaces/platform/project-routes.ts';
import { idempotencyHeaders } from '../src/surfaces/shared/idempotency.ts';
import { defineRoute } from '../src/surfaces/shared/route.ts';
import { ok, okBody } from '../src/surfaces/shared/schema.ts';
import type { Harness } from './harness.ts';
import { createTestHttp, type LoggedApp } from './http-app.ts';
import { identityFor, SECRET } from './identity-harness.ts';
import type { ManualClock } from './manual-clock.ts';

export interface CredentialApp extends LoggedApp {
  credentials: CredentialServices;
  denials: Denial[];
  /** Bodies that reached the handler of `/v1/echo`. */
  received: unknown[];
}

export interface CredentialAppOptions {
  clock: ManualClock;
  fleet?: ConstructorParameters<typeof FleetKeys>[0];
  chat?: Partial<SignedService>;
  publicUrl?: string;
  cookieSecrets?: readonly string[];
}

export const CHAT_SECRET = 'the secret that the chat service of the tests signs with';

/** The real authenticator on a server with the real routes of credentials, and routes of surfaces yet to come. */
export function openCredentialApp(h: Harness, options: CredentialAppOptions): CredentialApp {
  const { clock, fleet = { keys: [], adminKeys: [] }, chat, publicUrl } = options;
  const { cookieSecrets = [SECRET] } = options;
  const identity = identityFor(h.db, clock);
  const service: SignedService = {
    name: 'chat',
    secrets: [CHAT_SECRET],
    tenantId: null,
    scopes: ['read', 'write'],
    skewMs: 300_000,
    requiresSignedUser: false,
    ...chat,
  };
  const credentials: CredentialServices = {
    identity,
    fleetKeys: new FleetKeys(fleet),
    signedServices: { db: h.db, clock, signedService: service },
    guests: { db: h.db, clock, cookies: new GuestCookies(cookieSecrets) },
  };
  const [denials, received]: [Denial[], unknown[]] = [[], []];
  const made = createTestHttp({
    clock,
    publicUrl,
    services: { ...h.services, clock },
    authenticate: (shown, entrance) => identify(credentials, shown, entrance),
    findEnded: (principals) => findEnded({ db: h.db, clock }, principals),
    onDenied: (denial) => denials.push(denial),
  });
  addApiKeyRoutes(made.app);
  addMeRoutes(made.app);
  addGuestRoutes(made.app, credentials.guests);
  addProjectRoutes(made.app);
  addMetricsRoute(made.app, made.metrics);
  addSurfaceRoutes(made.app, received);
  return { ...made, credentials, denials, received };
}

const reply = { 200: ok(z.object({ actor: z.string() })) } as const;

function addSurfaceRoutes(app: FastifyInstance, received: unknown[]): void {
  const common = { summary: 'x', tags: ['x'], auth: 'required', response: reply } as const;
  for (const [url, operationId] of [
    ['/api/sessions', 'fleet'],
    ['/agent/thing', 'assistant'],
    ['/api/session/thing', 'browser'],
    ['/elsewhere', 'elsewhere'],
  ] as const) {
    for (const method of ['GET', 'POST', 'DELETE'] as const) {
      defineRoute(app, {
        ...common,
        method,
        url,
        operationId: `${operationId}${method}`,
        ...(method === 'POST' ? { body: z.looseObject({}) } : {}),
        ...(url === '/api/sessions' ? { scope: method === 'GET' ? 'read' : 'write' } : {}),
        handler: async ({ principal }) => okBody({ actor: principal.actor }),
      });
    }
  }
  for (const method of ['GET', 'POST', 'PUT'] as const) {
    defineRoute(app, {
      ...common,
      method,
      url: '/v1/echo',
      operationId: `echo${method}`,
      onceBy: 'client_msg_id',
      bodyLimit: 10_000,
      query: z.looseObject({}),
      headers: idempotencyHeaders,
      ...(method === 'GET' ? {} : { body: z.looseObject({}) }),
      handler: async ({ principal }, { body }) => {
        received.push(body);
        return okBody({ actor: principal.actor });
      },
    });
  }
  app.register(async (scope) => {
    scope.addContentTypeParser('text/plain', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    defineRoute(scope, {
      ...common,
      method: 'POST',
      url: '/v1/upload',
      operationId: 'upload',
      consumes: ['text/plain'],
      bodyLimit: 3_000_000,
      body: z.instanceof(Buffer),
      handler: async ({ principal }, { body }) => {
        received.push(body.length);
        return okBody({ actor: principal.actor });
      },
    });
  });
  defineRoute(app, {
    ...common,
    method: 'GET',
    url: '/ws/chat',
    operationId: 'chat',
    handler: async ({ principal }) => okBody({ actor: principal.actor }),
    ws: {
      prepare: async () => null,
      open: (socket, request) => socket.send(request.principal?.actor ?? ''),
    },
  });
}

export interface Unsigned {
  clock: ManualClock;
  method: string;
  path: string;
  body?: string | Buffer;
  userId?: string;
  secret?: string;
  /** Extra headers to sign, beside those of `signs`. */
  extra?: Record<string, string>;
  signs?: readonly string[];
  timestamp?: string;
}

/** The headers of a signed request, made without the code under test but the text's definition. */
export function signedHeaders({ clock, method, path, body = '', ...more }: Unsigned): Record<string, string> {
  const { userId = 'ann', secret = CHAT_SECRET, extra = {}, signs = [] } = more;
  const { timestamp = String(clock.now() / 1000) } = more;
  const sent: Record<string, string> = { 'x-user-id': userId, ...extra };
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const headers = signs.map((name) => [name, sent[name] ?? ''] as const);
  const text = textToSign({ timestamp, method, target: path, bodyHash, headers });
  return {
    ...sent,
    'x-sheen-timestamp': timestamp,
    'x-sheen-signature': createHmac('sha256', secret).update(text).digest('hex'),
    ...(signs.length === 0 ? {} : { 'x-sheen-signed-headers': signs.join(',') }),
  };
}
