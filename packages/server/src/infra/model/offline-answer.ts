import { toTerms, type Intent } from './offline-intent.ts';
import { quote, type Passage } from './offline-quote.ts';

export interface ToolResult {
  tool: string;
  input: unknown;
  value: unknown;
  isError: boolean;
}

const LONGEST_JSON = 1_500;

interface AnswerInput {
  intent: Intent;
  results: readonly ToolResult[];
  modelsConfigured: boolean;
}

/** An answer put together from tool results; ends by saying that no language model wrote it. */
export function writeAnswer({ intent, results, modelsConfigured }: AnswerInput): string {
  const parts = results.map((result) => describe(result, intent.question));
  parts.push(...intent.problems, disclosure(modelsConfigured, results.some(isQuoted)));
  return parts.join('\n\n');
}

interface ReplyInput {
  intent: Intent;
  offered: readonly string[];
  modelsConfigured: boolean;
}

/** An answer when there is nothing to call: what went wrong, or what can be done without a language model. */
export function writeReply({ intent, offered, modelsConfigured }: ReplyInput): string {
  const parts = [...intent.problems];
  const looksUp = offered.includes('search_documents');
  if (parts.length === 0 && intent.asks) {
    parts.push('I cannot answer this: no document search is offered to this agent.');
  }
  if (parts.length === 0) parts.push('Hello.');
  parts.push(disclosure(modelsConfigured, false));
  if (looksUp)
    parts.push("Ask a question and I quote what the project's documents say about it, with citations.");
  const [first] = offered;
  if (first) {
    const list = offered.map((name) => `/${name}`).join(', ');
    parts.push(
      `I can run a tool when a line starts with its name and JSON input, such as "/${first} {}". Offered: ${list}.`,
    );
  }
  return parts.join('\n\n');
}

function disclosure(modelsConfigured: boolean, quoted: boolean): string {
  const lead = modelsConfigured
    ? 'No language model took part in this answer.'
    : 'No language model is configured on this server.';
  return quoted ? `${lead} The sentences above are quoted from their sources, not written by a model.` : lead;
}

function isQuoted({ tool, isError }: ToolResult): boolean {
  return !isError && ['search_documents', 'read_document', 'fetch_url'].includes(tool);
}

function describe(result: ToolResult, question: string): string {
  if (result.isError) return `The tool ${result.tool} failed: ${messageOf(result.value)}`;
  const value = isRecord(result.value) ? result.value : {};
  switch (result.tool) {
    case 'search_documents':
      return fromSearch(value, question);
    case 'read_document':
      return fromDocument(value, question);
    case 'fetch_url':
      return fromPage(value, question);
    case 'calculate':
      return 'result' in value ? `${text(value.expression)} = ${text(value.result)}` : asJson(result);
    case 'current_time':
      return 'local' in value ? `It is ${text(value.local)} (${text(value.timezone)}).` : asJson(result);
    default:
      return asJson(result);
  }
}

function fromSearch(value: Record<string, unknown>, question: string): string {
  const asked = question || text(value.query);
  const passages = (Array.isArray(value.passages) ? value.passages : []).filter(isRecord).map(toPassage);
  const quoted = quote(passages, toTerms(asked));
  if (quoted === '') return `The documents of this project say nothing that I could find about "${asked}".`;
  return `This is what the documents say about "${asked}":\n\n${quoted}`;
}

function fromDocument(value: Record<string, unknown>, question: string): string {
  const passage = toPassage({ ...value, document: value.name, line: value.line_start, heading: '' });
  const quoted = quote([passage], toTerms(question));
  return quoted === ''
    ? `The document ${passage.document} has no text there.`
    : `From ${passage.document}:\n\n${quoted}`;
}

function fromPage(value: Record<string, unknown>, question: string): string {
  const url = text(value.url);
  const title = text(value.title);
  const passage: Passage = { document: url, line: null, heading: title, text: text(value.text) };
  const quoted = quote([passage], toTerms(question.replace(/https?:\/\/\S+/g, '')));
  const lead = `${url} answered ${text(value.status)}${title === '' ? '' : `, "${title}"`}`;
  return quoted === '' ? `${lead}, without readable text.` : `${lead}:\n\n${quoted}`;
}

function toPassage(value: Record<string, unknown>): Passage {
  return {
    document: text(value.document),
    line: typeof value.line === 'number' ? value.line : 1,
    heading: text(value.heading),
    text: text(value.text),
  };
}

function asJson({ tool, value }: ToolResult): string {
  const json = typeof value === 'string' ? value : JSON.stringify(value, null, 2);
  const shown = json.length > LONGEST_JSON ? `${json.slice(0, LONGEST_JSON).toWellFormed()} ...` : json;
  return `The tool ${tool} returned:\n\n${shown}`;
}

function messageOf(value: unknown): string {
  if (isRecord(value) && typeof value.message === 'string') return value.message;
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function text(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
