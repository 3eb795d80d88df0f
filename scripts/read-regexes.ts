/** A regular expression literal of a source file. */
export interface RegexLiteral {
  line: number;
  source: string;
  flags: string;
}

/** What may stand before a slash that begins a regular expression; after anything else it divides. */
const BEFORE = /(?:^|[=(,:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|await))\s{0,40}$/;

/** Every regular expression literal of a formatted TypeScript file without JSX. @throws when one does not end */
export function readRegexes(text: string): RegexLiteral[] {
  const found: RegexLiteral[] = [];
  const braces: ('template' | 'block')[] = [];
  for (let at = 0; at < text.length;) {
    const char = text[at]!;
    if (text.startsWith('//', at)) at = indexAfter(text, '\n', at);
    else if (text.startsWith('/*', at)) at = indexAfter(text, '*/', at);
    else if (char === "'" || char === '"') at = endOfText(text, at + 1, char);
    else if (char === '`' || (char === '}' && braces.at(-1) === 'template')) {
      if (char === '}') braces.pop();
      at = endOfTemplate(text, at + 1, braces);
    } else if (char === '/' && BEFORE.test(text.slice(Math.max(0, at - 60), at))) {
      const end = endOfRegex(text, at);
      const flags = /^[dgimsuvy]*/.exec(text.slice(end + 1, end + 10))![0];
      found.push({ line: lineOf(text, at), source: text.slice(at + 1, end), flags });
      at = end + 1 + flags.length;
    } else {
      if (char === '{') braces.push('block');
      if (char === '}') braces.pop();
      at += 1;
    }
  }
  return found;
}

function lineOf(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

function indexAfter(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 ? text.length : at + mark.length;
}

function endOfText(text: string, from: number, quote: string): number {
  let at = from;
  while (at < text.length && text[at] !== quote) at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** @returns where the template ends, or its next `${` has begun */
function endOfTemplate(text: string, from: number, braces: ('template' | 'block')[]): number {
  for (let at = from; at < text.length; at += text[at] === '\\' ? 2 : 1) {
    if (text[at] === '`') return at + 1;
    if (text.startsWith('${', at)) {
      braces.push('template');
      return at + 2;
    }
  }
  return text.length;
}

/** @returns the place of the slash that ends it */
function endOfRegex(text: string, from: number): number {
  let inClass = false;
  for (let at = from + 1; text[at] !== '\n' && at < text.length; at += text[at] === '\\' ? 2 : 1) {
    if (text[at] === '[') inClass = true;
    else if (text[at] === ']') inClass = false;
    else if (text[at] === '/' && !inClass) return at;
  }
  throw new Error(`A regular expression in line ${lineOf(text, from)} does not end.`);
}
