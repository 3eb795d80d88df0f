import type { EventData, LogEvent, Message, MessageDelta, Run, ServerEventType } from '@holdfast/protocol';
import { applyDelta, dataOfEvent } from '@holdfast/sdk';
import { isOpen, type Item, type MessageItem, type RunState, type ToolItem } from './item.ts';
import { noteOf } from './note.ts';

/**
 * A session as somebody reads it, made of its log. Events may be added in any order and twice;
 * deltas may come twice, late, or not at all.
 */
export class Conversation {
  readonly #items = new Map<string, Item>();
  readonly #runs = new Map<string, RunState>();
  /** Answers that are recorded, dropped or given up: late deltas of theirs mean nothing. */
  readonly #ended = new Set<string>();
  #sorted: readonly Item[] | null = null;
  /** `message_index` of the first message that is here. */
  firstIndex = 0;

  get items(): readonly Item[] {
    this.#sorted ??= [...this.#items.values()].sort((a, b) => a.seq - b.seq);
    return this.#sorted;
  }

  /** The newest run that has not ended. */
  get openRun(): RunState | null {
    return [...this.#runs.values()].findLast(isOpen) ?? null;
  }

  addMessages(messages: readonly Message[]): void {
    const first = messages[0];
    if (first === undefined) return;
    this.firstIndex =
      this.#items.size === 0 ? first.message_index : Math.min(this.firstIndex, first.message_index);
    for (const { id, seq, role, content, run_id, client_msg_id, created_at } of messages) {
      this.#record({ id, seq, role, content, runId: run_id, clientMsgId: client_msg_id, at: created_at });
    }
  }

  /** What any event says counts more: it may be newer. */
  addRuns(newestFirst: readonly Run[]): void {
    for (const { id, status } of newestFirst.toReversed()) this.#setRun(id, status, 0);
  }

  addDelta(delta: MessageDelta): void {
    const { message_id, run_id } = delta;
    if (this.#ended.has(message_id)) return;
    const open = this.#items.get(message_id);
    const content = applyDelta(open?.kind === 'message' ? open.content : '', delta);
    if (content === null) return;
    const seq = open?.seq ?? Number.MAX_SAFE_INTEGER;
    this.#put(partial(message_id, run_id, seq, content));
  }

  addEvent(event: LogEvent): void {
    const { type, seq, data, created_at } = event;
    const read = <T extends ServerEventType>(name: T, use: (data: EventData<T>) => void): void => {
      const known = type === name ? dataOfEvent(event, name) : null;
      if (known !== null) use(known);
    };
    read('message.created', ({ message_id: id, role, content, run_id, client_msg_id }) =>
      this.#record({ id, seq, role, content, runId: run_id, clientMsgId: client_msg_id, at: created_at }),
    );
    read('message.superseded', (superseded) => this.#giveUp(superseded));
    read('step.started', (started) => this.#beginAnswer(seq, started, created_at));
    read('step.completed', (completed) => this.#endAnswer(completed));
    read('tool.called', (called) => this.#callTool(seq, called));
    read('tool.completed', (completed) => this.#endTool(seq, completed));
    if (type.startsWith('run.')) this.#seeRun(type.slice(4), seq, (data as { run_id: string }).run_id);
    const note = noteOf(event);
    if (note !== null) this.#put(note);
  }

  #record(message: Omit<MessageItem, 'kind' | 'key' | 'partial'> & { id: string }): void {
    const { id, ...rest } = message;
    this.#ended.add(id);
    this.#put({ kind: 'message', key: id, partial: false, ...rest });
  }

  #beginAnswer(seq: number, { message_id, run_id }: EventData<'step.started'>, at: string): void {
    if (this.#ended.has(message_id)) return;
    const open = this.#items.get(message_id);
    const content = open?.kind === 'message' ? open.content : '';
    this.#put({ ...partial(message_id, run_id, seq, content), at });
  }

  /** The recorded message follows at once, unless the model only called tools. */
  #endAnswer({ message_id }: EventData<'step.completed'>): void {
    const open = this.#items.get(message_id);
    this.#ended.add(message_id);
    if (open?.kind === 'message' && open.content === '') this.#drop(message_id);
  }

  #giveUp({ message_id }: { message_id: string }): void {
    const open = this.#items.get(message_id);
    this.#ended.add(message_id);
    if (open?.kind === 'message' && open.partial) this.#drop(message_id);
  }

  #callTool(seq: number, data: EventData<'tool.called'>): void {
    const key = `${data.run_id}-${data.step_index}`;
    const known = this.#items.get(key);
    const ended = known?.kind === 'tool' ? { status: known.status, output: known.output } : {};
    const status = data.executor === 'client' ? 'waiting' : 'running';
    const { tool, executor, input } = data;
    this.#put({ kind: 'tool', key, seq, tool, executor, input, output: undefined, status, ...ended });
  }

  #endTool(seq: number, data: EventData<'tool.completed'>): void {
    const key = `${data.run_id}-${data.step_index}`;
    const status = data.is_error ? 'failed' : 'done';
    const { tool, output } = data;
    const called = this.#items.get(key);
    const begun: ToolItem =
      called?.kind === 'tool'
        ? called
        : { kind: 'tool', key, seq, tool, executor: 'server', input: undefined, output, status };
    this.#put({ ...begun, output, status });
  }

  #seeRun(verb: string, seq: number, runId: string): void {
    const status = verb === 'started' || verb === 'resumed' ? 'running' : (verb as Run['status']);
    if (!this.#setRun(runId, status, seq) || isOpen({ id: runId, status, seq })) return;
    for (const item of this.items) {
      if (item.kind === 'message' && item.partial && item.runId === runId)
        this.#giveUp({ message_id: item.key });
      const busy = item.kind === 'tool' && (item.status === 'running' || item.status === 'waiting');
      if (busy && item.key.startsWith(runId)) this.#put({ ...item, status: 'stopped' });
    }
  }

  /** @returns false when something newer is known */
  #setRun(id: string, status: Run['status'], seq: number): boolean {
    if ((this.#runs.get(id)?.seq ?? -1) > seq) return false;
    this.#runs.set(id, { id, status, seq });
    return true;
  }

  #put(item: Item): void {
    this.#items.set(item.key, item);
    this.#sorted = null;
  }

  #drop(key: string): void {
    this.#items.delete(key);
    this.#sorted = null;
  }
}

function partial(key: string, runId: string, seq: number, content: string): MessageItem {
  const base = { kind: 'message', key, seq, content, runId } as const;
  return { ...base, role: 'assistant', clientMsgId: null, at: '', partial: true };
}
