import type { EphemeralEvent, LogEvent } from '@holdfast/protocol';
import { connectSse } from './follow/sse.ts';
import { Resumer, SILENCE_MS, type FollowOptions } from './follow/resume.ts';
import { connectWs } from './follow/ws.ts';
import { HttpClient, type HttpOptions } from './http/http-client.ts';
import { AccountApi, TwoFactorApi } from './resource/account.ts';
import { AgentsApi } from './resource/agents.ts';
import { ServerApi } from './resource/api.ts';
import { AuditApi } from './resource/audit.ts';
import { AuthApi, SigningKeysApi } from './resource/auth.ts';
import { DocumentsApi } from './resource/documents.ts';
import { EventsApi } from './resource/events.ts';
import { ApiKeysApi } from './resource/identity.ts';
import { GuestsApi, MeApi } from './resource/guests.ts';
import { LeasesApi } from './resource/leases.ts';
import { MessagesApi } from './resource/messages.ts';
import { ProfileApi } from './resource/profile.ts';
import { ProjectsApi } from './resource/projects.ts';
import { RateLimitsApi } from './resource/rate-limits.ts';
import { RunsApi } from './resource/runs.ts';
import { SecretsApi } from './resource/secrets.ts';
import { SessionsApi } from './resource/sessions.ts';
import { InvitationsApi, TeamsApi } from './resource/teams.ts';

export interface ClientOptions extends HttpOptions {
  /** For `followWs`, instead of the global one (which Node has from version 22 on). */
  WebSocket?: typeof WebSocket;
}

/** One Holdfast server. Every call rejects with a HoldfastError, or with the reason of its own signal. */
export interface Client {
  readonly auth: AuthApi;
  readonly account: AccountApi;
  readonly twoFactor: TwoFactorApi;
  readonly profile: ProfileApi;
  readonly teams: TeamsApi;
  readonly invitations: InvitationsApi;
  readonly projects: ProjectsApi;
  readonly documents: DocumentsApi;
  readonly agents: AgentsApi;
  readonly api: ServerApi;
  readonly sessions: SessionsApi;
  readonly messages: MessagesApi;
  readonly events: EventsApi;
  readonly runs: RunsApi;
  readonly leases: LeasesApi;
  readonly apiKeys: ApiKeysApi;
  readonly rateLimits: RateLimitsApi;
  readonly guests: GuestsApi;
  readonly me: MeApi;
  readonly audit: AuditApi;
  readonly secrets: SecretsApi;
  readonly signingKeys: SigningKeysApi;
  /**
   * Follows a session's log over server-sent events, until `signal` aborts or the loop is left. Each durable event
   * comes exactly once and in order, whatever becomes of connection and server in between;
   * broadcast-only events (`ephemeral: true`) come in between, and may be missing or come again.
   * @throws HoldfastError when the server refuses to go on (unknown session, revoked key, lost log)
   */
  follow(sessionId: string, options?: FollowOptions): AsyncGenerator<LogEvent | EphemeralEvent, void>;
  /** The same over WebSocket. */
  followWs(sessionId: string, options?: FollowOptions): AsyncGenerator<LogEvent | EphemeralEvent, void>;
}

/** Makes a client; it connects to nothing until it is used. */
export function createClient(options: ClientOptions): Client {
  const http = new HttpClient(options);
  return {
    auth: new AuthApi(http),
    account: new AccountApi(http),
    twoFactor: new TwoFactorApi(http),
    profile: new ProfileApi(http),
    teams: new TeamsApi(http),
    invitations: new InvitationsApi(http),
    projects: new ProjectsApi(http),
    documents: new DocumentsApi(http),
    agents: new AgentsApi(http),
    api: new ServerApi(http),
    sessions: new SessionsApi(http),
    messages: new MessagesApi(http),
    events: new EventsApi(http),
    runs: new RunsApi(http),
    leases: new LeasesApi(http),
    apiKeys: new ApiKeysApi(http),
    rateLimits: new RateLimitsApi(http),
    guests: new GuestsApi(http),
    me: new MeApi(http),
    audit: new AuditApi(http),
    secrets: new SecretsApi(http),
    signingKeys: new SigningKeysApi(http),
    follow(sessionId, follow = {}) {
      const connect = connectSse(http, sessionId, follow.silenceMs ?? SILENCE_MS);
      return new Resumer(connect, sessionId, follow).run();
    },
    followWs(sessionId, follow = {}) {
      const SocketClass = options.WebSocket ?? globalThis.WebSocket;
      const connect = connectWs(http, SocketClass, sessionId, follow.silenceMs ?? SILENCE_MS);
      return new Resumer(connect, sessionId, follow).run();
    },
  };
}
