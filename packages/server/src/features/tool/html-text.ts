import type { HtmlToTextOptions } from 'html-to-text';

const HEADING = { options: { uppercase: false } };

const OPTIONS: HtmlToTextOptions = {
  wordwrap: false,
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'skip' },
    { selector: 'script', format: 'skip' },
    { selector: 'style', format: 'skip' },
    { selector: 'noscript', format: 'skip' },
    { selector: 'svg', format: 'skip' },
    { selector: 'nav', format: 'skip' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, ...HEADING })),
    { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } },
  ],
  limits: { maxInputLength: 1024 * 1024, maxDepth: 200, maxChildNodes: 20_000 },
};

/** The readable text of a page, without navigation, scripts and pictures. */
export async function readHtml(html: string): Promise<{ title: string; text: string }> {
  const { convert } = await import('html-to-text');
  const title = /<title[^>]*>([^<]{0,500})/i.exec(html)?.[1] ?? '';
  return {
    title: convert(title, OPTIONS).trim(),
    text: convert(html, OPTIONS)
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
  };
}
