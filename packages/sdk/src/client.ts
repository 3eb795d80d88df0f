import type { EphemeralEvent, LogEvent } from '@holdfast/protocol';
import { connectSse } from './follow/sse.ts';
import { Resumer, SILENCE_MS, type FollowOptions } from './follow/resume.ts';
import { connectWs } from './follow/ws.ts';
import { HttpClient, type HttpOptions } from './http/http-client.ts';
import { AgentsApi } from './resource/agents.ts';
import { DocumentsApi } from './resource/documents.ts';
import { EventsApi } from './resource/events.ts';
import { ApiKeysApi, AuthApi } from './resource/identity.ts';
import { LeasesApi } from './resource/leases.ts';
import { MessagesApi } from './resource/messages.ts';
import { ProjectsApi } from './resource/projects.ts';
import { RunsApi } from './resource/runs.ts';
import { SessionsApi } from './resource/sessions.ts';

export interface ClientOptions extends HttpOptions {
  /** For `followWs`, instead of the global one (which Node has from version 22 on). */
  WebSocket?: typeof WebSocket;
}

/** One Holdfast server. Every call rejects with a HoldfastError, or with the reason of its own signal. */
export interface Client {
  readonly auth: AuthApi;
  readonly projects: ProjectsApi;
  readonly documents: DocumentsApi;
  readonly agents: AgentsApi;
  readonly sessions: SessionsApi;
  readonly messages: MessagesApi;
  readonly events: EventsApi;
  readonly runs: RunsApi;
  readonly leases: LeasesApi;
  readonly apiKeys: ApiKeysApi;
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
    projects: new ProjectsApi(http),
    documents: new DocumentsApi(http),
    agents: new AgentsApi(http),
    sessions: new SessionsApi(http),
    messages: new MessagesApi(http),
    events: new EventsApi(http),
    runs: new RunsApi(http),
    leases: new LeasesApi(http),
    apiKeys: new ApiKeysApi(http),
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
