import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

export type * from './port/index.ts';

/** A hot statement: `name` makes the driver prepare it once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

export interface Queryable {
  /** Typed query builder on the same connection scope. */
  readonly kysely: Kysely<Tables>;
  /** Runs one prepared statement; `values` bind to $1, $2 ... */
  query<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
}

export interface Tx extends Queryable {
  /** Runs once the transaction has committed, in order of registration; never after a rollback. */
  afterCommit(hook: () => void): void;
  /**
   * Waits for the last statements, just sent, and sends the commit along with them. No statement may
   * follow, and only the database may still refuse: what is thrown over a result comes after the commit.
   */
  last<const T extends readonly unknown[]>(
    statements: T,
  ): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }>;
}

/**
 * The one truth. A query on `Db` itself while the caller is inside a transaction throws:
 * on the embedded engine it would wait for itself for ever.
 */
export interface Db extends Queryable {
  readonly engine: 'pglite' | 'postgres';
  /** Repeats `work` on serialisation failures, deadlocks and connections lost before commit. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** @throws when the caller is inside a transaction, whose end `what` would wait for, for ever. */
  refuseInside(what: string): void;
  /** Whether repeating may help: deadlock, serialisation failure, lost connection. */
  isTransient(error: unknown): boolean;
  /** Whether a unique constraint refused the row. */
  isDuplicate(error: unknown): boolean;
  close(): Promise<void>;
}

export type Unsubscribe = () => void;

/** Hints between servers. Anything may be lost, doubled or reordered; nothing may depend on it. */
export interface Bus {
  /** Best effort, never throws. */
  publish(topic: string, payload: string): void;
  /** Resolves once the subscription is in force (acknowledged by the broker). */
  subscribe(topic: string, handler: (payload: string) => void): Promise<Unsubscribe>;
  /** Called whenever messages may have been missed: after a reconnect. */
  onGap(listener: () => void): Unsubscribe;
  /** Whether hints reach other servers right now; `local` means there are no others. */
  state(): 'local' | 'up' | 'down';
  close(): Promise<void>;
}

export interface Timer {
  cancel(): void;
}

/** Injected so that tests decide when time passes. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. For display only, never for leases. */
  now(): number;
  /** Monotonic milliseconds. */
  monotonic(): number;
  after(ms: number, run: () => void): Timer;
  every(ms: number, run: () => void): Timer;
}

/** The part of a pino logger that the domain uses. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Usage {
  input_tokens: number;
  output_tokens: number;
}

export interface ToolCall {
  call_id: string;
  name: string;
  input: unknown;
}

/** The conversation as a model sees it. */
export type ModelMessage =
  | { role: 'system' | 'user'; content: string }
  | { role: 'assistant'; content: string; tool_calls?: ToolCall[] }
  | { role: 'tool'; call_id: string; name: string; output: unknown; is_error: boolean };

export interface ToolSpec {
  name: string;
  description: string;
  /** JSON Schema of the input object. */
  input_schema: Record<string, unknown>;
}

export interface ModelCall {
  /** `offline`, `openai/<id>`, `anthropic/<id>`, `compatible/<id>`, or `default` for the configured fail-over list. */
  model: string;
  instructions: string;
  messages: readonly ModelMessage[];
  tools: readonly ToolSpec[];
  max_output_tokens?: number;
  /** The tenant's own key for a provider (`openai`, ...), asked for when that one is about to be called. */
  credentials?: (provider: string) => Promise<string | null>;
  signal: AbortSignal;
}

export type FinishReason = 'stop' | 'tool_calls' | 'length' | 'content_filter' | 'other';

export type ModelPart =
  | { type: 'text'; text: string }
  | { type: 'tool_call'; call: ToolCall }
  /** Always last. `model` is the one that answered. */
  | { type: 'finish'; reason: FinishReason; usage: Usage; model: string };

/** Language models behind one face; fail-over and breakers are inside. */
export interface Models {
  /** Whether this server can run that model id, for a tenant with keys of its own for the providers `own`. */
  knows(model: string, own?: readonly string[]): boolean;
  /** Streams one call. Throws DomainError LLM_ERROR, or the abort reason of `signal`. */
  stream(call: ModelCall): AsyncIterable<ModelPart>;
}

/** `retry`: safe to run again after a crash; `once`: an interrupted call is reported as failed, not repeated. */
export type ToolPolicy = 'retry' | 'once';

export interface ToolContext {
  db: Db;
  tenantId: string;
  projectId: string;
  sessionId: string;
  runId: string;
  /** The same for every attempt of one call. */
  idempotencyKey: string;
  signal: AbortSignal;
}

export interface Tool extends ToolSpec {
  policy: ToolPolicy;
  timeout_ms: number;
  /** Resolves with JSON; a thrown error becomes the call's recorded failure. */
  execute(input: unknown, context: ToolContext): Promise<unknown>;
}

/** The tools this server can execute itself, by name. */
export interface Tools {
  /** Names an agent may list, built in and of configured MCP servers. */
  names(): Promise<string[]>;
  find(name: string): Promise<Tool | null>;
}
