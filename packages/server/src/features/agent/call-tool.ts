import type { Step } from '@holdfast/protocol';
import { DomainError } from '../../core/errors.ts';
import type { Services } from '../../core/context.ts';
import type { Timer, ToolContext } from '../../core/ports.ts';

const MAX_OUTPUT_BYTES = 128 * 1024;

export interface ToolOutcome {
  status: 'completed' | 'failed';
  output: unknown;
}

/**
 * Executes one server tool; whatever goes wrong is its recorded failure.
 * @param allowed names of the tools that the agent lists: a model may ask for any
 * @throws only when `signal` aborts
 */
export async function callTool(
  { tools, clock }: Pick<Services, 'tools' | 'clock'>,
  step: Step,
  allowed: readonly unknown[],
  context: Omit<ToolContext, 'idempotencyKey'>,
): Promise<ToolOutcome> {
  context.signal.throwIfAborted();
  const limit = new AbortController();
  const signal = AbortSignal.any([context.signal, limit.signal]);
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  signal.addEventListener('abort', () => aborted.reject(signal.reason as Error), { once: true });
  let timer: Timer | null = null;
  try {
    // Neither a look-up that hangs nor a tool that does not heed its signal must hold the run.
    const tool = allowed.includes(step.name)
      ? await Promise.race([tools.find(step.name), aborted.promise])
      : null;
    if (tool === null) return failure('UNKNOWN_TOOL', `There is no tool named ${step.name}.`);
    timer = clock.after(tool.timeout_ms, () =>
      limit.abort(new DomainError('TIMEOUT', 'The tool took too long.')),
    );
    const call = tool.execute(step.input, { ...context, signal, idempotencyKey: step.idempotency_key });
    const output: unknown = await Promise.race([call, aborted.promise]);
    const text = JSON.stringify(output ?? null);
    if (Buffer.byteLength(text) > MAX_OUTPUT_BYTES) {
      return failure('OUTPUT_TOO_LARGE', `The tool answered more than ${MAX_OUTPUT_BYTES} bytes.`);
    }
    return { status: 'completed', output: output ?? null };
  } catch (error) {
    context.signal.throwIfAborted();
    const code = error instanceof DomainError ? error.code : 'TOOL_ERROR';
    return failure(code, error instanceof Error ? error.message.slice(0, 2000) : 'The tool failed.');
  } finally {
    timer?.cancel();
  }
}

function failure(code: string, message: string): ToolOutcome {
  return { status: 'failed', output: { error: { code, message } } };
}
