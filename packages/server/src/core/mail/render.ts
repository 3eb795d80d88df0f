import type { OutgoingMail } from '../ports.ts';

/** What a mail says, without form: text and HTML are made from the same. */
export interface Letter {
  subject: string;
  /** Plain text, a paragraph each. */
  paragraphs: readonly string[];
  /** The one thing to do; the link stands after the first paragraph. */
  action?: { label: string; url: string };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** On one line: a name with a line break in it must not begin a line of its own. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
}

const BODY = 'margin:0;padding:32px 16px;background:#f5f5f4;font:16px/1.5 system-ui,sans-serif;color:#1c1917';
const CARD = 'max-width:520px;margin:0 auto;padding:32px;background:#fff;border-radius:8px';
const BUTTON =
  'display:inline-block;padding:10px 20px;background:#1c1917;color:#fff;border-radius:6px;text-decoration:none';

/** Text and HTML of a letter. Nothing in the HTML is loaded from anywhere. */
export function renderLetter(letter: Letter): Pick<OutgoingMail, 'subject' | 'text' | 'html'> {
  const subject = oneLine(letter.subject);
  const [first = '', ...rest] = letter.paragraphs;
  const { action } = letter;
  const text = [first, ...(action === undefined ? [] : [`${action.label}:\n${action.url}`]), ...rest];
  const html = [
    toParagraph(first),
    ...(action === undefined ? [] : [toButton(action)]),
    ...rest.map((each) => toParagraph(each)),
  ];
  return {
    subject,
    text: `${text.join('\n\n')}\n`,
    html:
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>` +
      `<body style="${BODY}"><div style="${CARD}">${html.join('')}</div></body></html>\n`,
  };
}

function toParagraph(text: string): string {
  return `<p style="margin:0 0 16px">${escapeHtml(text)}</p>`;
}

function toButton({ label, url }: { label: string; url: string }): string {
  const href = escapeHtml(url);
  return (
    `<p style="margin:0 0 16px"><a href="${href}" style="${BUTTON}">${escapeHtml(label)}</a></p>` +
    `<p style="margin:0 0 16px;font-size:13px;color:#57534e;word-break:break-all">${href}</p>`
  );
}
