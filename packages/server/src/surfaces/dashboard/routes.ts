import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../core/errors.ts';
import type { DashboardBuild } from './build.ts';
import { placeholderOf } from './placeholder.ts';
import { checkName, sendFile } from './static-file.ts';

/** Every path of the page's own router, see apps/dashboard; others stay a 404. */
const PAGES = [
  '/',
  '/sessions',
  '/sessions/:session_id',
  '/documents',
  '/documents/:project_id',
  '/settings',
  '/settings/*',
  // The last three are where the links in mails lead to.
  '/register',
  '/forgot-password',
  '/reset-password',
  '/verify-email',
  '/invitation',
];
const FILES = ['/favicon.svg', '/theme.js'];
/** The placeholder has no style or script to allow. */
const PLACEHOLDER_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** The dashboard at `/`. */
export function addDashboardRoutes(
  app: FastifyInstance,
  build: Pick<DashboardBuild, 'folder' | 'state'>,
): void {
  for (const url of PAGES) app.get(url, (request, reply) => sendPage(request, reply, build));
  for (const url of FILES) {
    app.get(url, (request, reply) =>
      sendFile(request, reply, build.folder, { path: url.slice(1), immutable: false }),
    );
  }
  app.get<{ Params: { name: string } }>('/assets/:name', (request, reply) => {
    const path = `assets/${checkName(request.params.name)}`;
    return sendFile(request, reply, build.folder, { path, immutable: true });
  });
}

async function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  build: Pick<DashboardBuild, 'folder' | 'state'>,
): Promise<FastifyReply> {
  // A program that asks for JSON is told what any other unknown path tells it.
  if (!/text\/html|\*\/\*/.test(request.headers.accept ?? '*/*'))
    throw new DomainError('NOT_FOUND', 'There is nothing at this path.');
  const state = await build.state();
  if (state === 'ready')
    return sendFile(request, reply, build.folder, { path: 'index.html', immutable: false });
  const { status, html } = placeholderOf(state);
  reply.headers({
    'content-security-policy': PLACEHOLDER_CSP,
    'cache-control': 'no-store',
    'retry-after': '2',
  });
  return reply.code(status).type('text/html; charset=utf-8').send(html);
}
