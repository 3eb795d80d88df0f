import { isObject, unexpectedReply, unreachable } from '../errors.ts';

/** What reads a reply; every schema of `@holdfast/protocol` is one. */
export interface Schema<T> {
  parse(value: unknown): T;
}

/** @throws HoldfastError when the connection ends before the answer does */
export async function readText(response: Response): Promise<string> {
  try {
    return await response.text();
  } catch (cause) {
    throw unreachable('The connection ended in the middle of an answer.', cause);
  }
}

/** The whole answer as its schema has it. @throws HoldfastError UNEXPECTED_REPLY */
export function readAnswer<T>(schema: Schema<T>, status: number, text: string): T {
  let answer: unknown = null;
  if (status !== 204) {
    try {
      answer = JSON.parse(text);
    } catch (cause) {
      throw unexpectedReply(status, 'the answer is not JSON.', cause);
    }
    if (!isObject(answer) || answer.success !== true)
      throw unexpectedReply(status, "the answer is not a Holdfast server's.");
  }
  try {
    return schema.parse(answer);
  } catch (cause) {
    throw unexpectedReply(status, 'the answer does not have the expected form.', cause);
  }
}
