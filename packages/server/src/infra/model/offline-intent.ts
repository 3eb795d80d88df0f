export interface Intent {
  /** Tools to call now, all together. */
  calls: { name: string; input: Record<string, unknown> }[];
  /** What was asked for explicitly and cannot be done, as sentences. */
  problems: string[];
  /** The message without its `/tool` lines. */
  question: string;
  /** Whether the question says anything that could be looked up. */
  asks: boolean;
}

type Call = Intent['calls'][number];

const MOST_CALLS = 8;
const LONGEST_QUERY = 400;
// What follows is matched against lines whose ends are trimmed and whose inner white space is single:
// on long runs of it most of these patterns would take quadratic time.
const SLASH_LINE = /^\/([A-Za-z][\w-]{0,127})(?:\s+(\S.*))?$/;
const CLAUSE_END = /;|(?<=[.!?]) |,? (?:and then|and|then) /i;

const CALCULATE = /^(?:please )?(?:calculate|compute|evaluate|what(?:'s| is)|how much is) (.+)$/i;
const ARITHMETIC = /^[\d\s.,+\-*/^%()]*$/;
const OPERATION = /\d\s*(?:[+\-*/^%])|[a-z]\s*\(|!/;
const FUNCTIONS =
  /\b(?:sqrt|cbrt|abs|round|floor|ceil|log|log2|log10|exp|sin|cos|tan|min|max|pow|mod|pi|e)\b/gi;
const TIME =
  /\bwhat time is it\b|\bwhat day is (?:it|today)\b|\b(?:current|today's) (?:time|date)\b|\bwhat(?:'s| is) the (?:time|date)\b/i;
const ZONE = /\bin ((?:[A-Za-z_]+\/)+[A-Za-z_+\-0-9]+|UTC|GMT)\b/;
const FETCH =
  /\b(?:fetch|get|open|load|download|read|summari[sz]e) (?:\w+ ){0,2}<?(https?:\/\/[^\s<>"'`)\]]+)/i;
const READ =
  /\b(?:read|show|open) (?:me )?(?:the )?(?:document|file)? ?["'`]?([\w./-]+\.(?:md|markdown|txt))\b/i;

const STOP_WORDS = new Set(
  `a about all also am an and any are as at be been but by bye can cheers could did do does for from goodbye got
  had has have hello hey hi how i if in is it its just me my no not of ok okay on or our out please so some tell
  test thank thanks that the their them then there these they this to too up us was we well were what when where
  which who why will with would yes you your`.split(/\s+/),
);

/** The words of a text that carry meaning, lower case, lightly stemmed, without repeats. */
export function toTerms(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
  return [...new Set(words.filter((word) => !STOP_WORDS.has(word) && word.length > 1).map(stem))];
}

/** Cuts common English endings, so that "leases" meets "lease" and "recovered" meets "recover". */
export function stem(word: string): string {
  if (word.length < 5) return word.replace(/(?<=\w{2})s$/, '');
  return word.replace(/(?:ies|ied)$/, 'y').replace(/(?:ations?|ings?|ed|es|s|e)$/, '');
}

/**
 * Reads what a message plainly asks for: lines of the form `/tool_name {json}`, or a few natural forms.
 * Only tools in `offered` are called.
 */
export function readIntent(text: string, offered: ReadonlySet<string>): Intent {
  const calls: Call[] = [];
  const problems: string[] = [];
  const rest: string[] = [];
  for (const line of text.split('\n')) {
    const match = SLASH_LINE.exec(line.trim());
    const outcome = match ? readSlash(match[1] ?? '', match[2], offered) : null;
    if (!outcome) rest.push(line);
    else if (typeof outcome === 'string') problems.push(outcome);
    else calls.push(outcome);
  }
  const question = rest.join('\n').trim();
  const lines = question.split('\n').map((line) => line.replace(/\s+/g, ' ').trim());
  for (const clause of lines.flatMap((line) => line.split(CLAUSE_END))) {
    const call = readClause(clause.trim());
    if (call && offered.has(call.name)) calls.push(call);
  }
  const unique = new Map(calls.map((call) => [JSON.stringify(call), call]));
  if (unique.size > MOST_CALLS)
    problems.push(`Only the first ${MOST_CALLS} of ${unique.size} tool calls were made.`);
  return {
    calls: [...unique.values()].slice(0, MOST_CALLS),
    problems,
    question: question.replace(/\s+/g, ' ').slice(0, LONGEST_QUERY),
    asks: toTerms(question).length > 0,
  };
}

/** A call, a problem to report, or null when the line is ordinary text that starts with a slash. */
function readSlash(
  name: string,
  input: string | undefined,
  offered: ReadonlySet<string>,
): Call | string | null {
  const json = input?.startsWith('{') ?? false;
  if (!offered.has(name)) {
    return json || input === undefined ? `The tool "${name}" is not offered to this agent.` : null;
  }
  if (input === undefined) return { name, input: {} };
  try {
    const parsed: unknown = JSON.parse(input);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) {
      return { name, input: parsed as Record<string, unknown> };
    }
  } catch {
    // Reported below, together with JSON that is not an object.
  }
  return `What follows /${name} is not a JSON object, so the tool was not called.`;
}

function readClause(clause: string): Call | null {
  const url = cutEnd(FETCH.exec(clause)?.[1] ?? '', '.,!?;:');
  if (url) return { name: 'fetch_url', input: { url } };
  if (TIME.test(clause)) {
    const timezone = ZONE.exec(clause)?.[1];
    return { name: 'current_time', input: timezone ? { timezone } : {} };
  }
  const expression = toExpression(CALCULATE.exec(clause)?.[1] ?? clause);
  if (expression) return { name: 'calculate', input: { expression } };
  const name = READ.exec(clause)?.[1];
  return name ? { name: 'read_document', input: { name } } : null;
}

/** Without the characters of `ends` at its end. */
function cutEnd(text: string, ends: string): string {
  let length = text.length;
  while (length > 0 && ends.includes(text[length - 1]!)) length -= 1;
  return text.slice(0, length);
}

function toExpression(text: string): string | null {
  const expression = cutEnd(text.replaceAll('×', '*').replaceAll('÷', '/'), ' ?!.=');
  if (!/\d/.test(expression) || !OPERATION.test(expression)) return null;
  return ARITHMETIC.test(expression.replace(FUNCTIONS, '')) ? expression : null;
}
