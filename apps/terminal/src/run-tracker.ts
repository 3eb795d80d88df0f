import type { LogEvent } from '@holdfast/protocol';
import { dataOfEvent } from '@holdfast/sdk';

/** Which runs of a session are under way, by its events and by the replies to our messages. */
export class RunTracker {
  readonly #open = new Set<string>();
  readonly #ended = new Map<string, LogEvent['type']>();
  readonly #own = new Set<string>();

  /** The oldest run under way: the one being executed. */
  get active(): string | null {
    return this.#open.values().next().value ?? null;
  }

  /** Whether each run that answers our messages has ended. */
  get ownEnded(): boolean {
    return [...this.#own].every((id) => this.#ended.has(id));
  }

  /** Whether a run that answers our messages ended without an answer. */
  get ownFailed(): boolean {
    return [...this.#own].some((id) => this.#ended.has(id) && this.#ended.get(id) !== 'run.completed');
  }

  /** The run answers a message of ours; its events may have come before this. */
  expect(runId: string): void {
    this.#own.add(runId);
    if (!this.#ended.has(runId)) this.#open.add(runId);
  }

  see(event: LogEvent): void {
    const begun = dataOfEvent(event, 'run.queued') ?? dataOfEvent(event, 'run.started');
    if (begun !== null) return void this.#open.add(begun.run_id);
    const ended =
      dataOfEvent(event, 'run.completed') ??
      dataOfEvent(event, 'run.failed') ??
      dataOfEvent(event, 'run.cancelled');
    if (ended === null) return;
    this.#open.delete(ended.run_id);
    this.#ended.set(ended.run_id, event.type);
  }
}
