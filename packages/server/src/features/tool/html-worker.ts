import { parentPort, workerData } from 'node:worker_threads';
import { convert, type HtmlToTextOptions } from 'html-to-text';

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

/** Bounded inside, or a page of nothing but beginnings would take quadratic time. */
const TITLE = /<title[^>]{0,200}>([^<]{0,500})/i;

const html = workerData as string;
parentPort!.postMessage({
  title: convert(TITLE.exec(html)?.[1] ?? '', OPTIONS).trim(),
  text: convert(html, OPTIONS)
    .replace(/\n{3,}/g, '\n\n')
    .trim(),
});
