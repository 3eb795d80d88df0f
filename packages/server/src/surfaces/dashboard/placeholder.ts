import type { BuildState } from './build.ts';

const TEXTS: Record<Exclude<BuildState, 'ready'>, { status: number; text: string }> = {
  building: {
    status: 503,
    text: 'The dashboard is being built, once after each install. This page reloads in a moment.',
  },
  absent: {
    status: 404,
    text: 'The dashboard is not built, and what builds it is not installed. Run npm install without leaving out development packages, and start the server again.',
  },
  failed: {
    status: 500,
    text: 'The dashboard could not be built; the terminal of the server says why.',
  },
};

/** What stands in for the page while it is not there. It needs neither script nor style sheet. */
export function placeholderOf(state: Exclude<BuildState, 'ready'>): { status: number; html: string } {
  const { status, text } = TEXTS[state];
  const reload = state === 'building' ? '<meta http-equiv="refresh" content="2">' : '';
  return {
    status,
    html:
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Holdfast</title>` +
      `<meta name="color-scheme" content="light dark">${reload}</head><body><main><h1>Holdfast</h1>` +
      `<p>${text}</p><p>The API is up: <a href="/api/docs">API explorer</a>.</p></main></body></html>`,
  };
}
