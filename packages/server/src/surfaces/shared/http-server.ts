import websocket, { type WebsocketPluginOptions } from '@fastify/websocket';
import Fastify, {
  LogController,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { randomBytes } from 'node:crypto';
import { DEFAULT_FLAGS } from '../../core/flag/index.ts';
import { DomainError } from '../../core/errors.ts';
import { suggestVersion } from './api-version.ts';
import { noteDenial } from './authenticate-request.ts';
import { ClientAddress } from './client-address.ts';
import { handleClientError, handleExpectation, refuseOnSocket } from './client-error.ts';
import { CorsPolicy } from './cors.ts';
import { errorHeaders, toErrorAnswer } from './error-body.ts';
import { installJsonParser } from './json-body.ts';
import { KnownPaths } from './known-paths.ts';
import { findRepeatedHeader } from './repeated-header.ts';
import { PageCursors } from './page-cursor.ts';
import { installRateLimits, limitUnrouted, reportRefusal } from './rate-limit.ts';
import { pathOf, pickRequestId } from './request-id.ts';
import { installRequestLog } from './request-log.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { trackSpareSockets } from './spare-sockets.ts';
import { StreamHub } from './stream-hub.ts';
import type { HttpOptions } from './surface.ts';
import { installUseCount } from './use-count.ts';
import { selectProtocol, WS_MAX_MESSAGE_BYTES } from './ws.ts';

const DEFAULT_BODY_LIMIT = 1024 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;

/**
 * The HTTP server with everything the surfaces share: request ids, security headers, body rules,
 * one error body for every refusal, request log, draining. Routes are added with `defineRoute`.
 */
export function createHttp(options: HttpOptions): FastifyInstance {
  const app = createFastify(options);
  app.decorate('surface', {
    services: options.services,
    clock: options.services.clock,
    authenticate: options.authenticate,
    onDenied: options.onDenied,
    publicUrl: options.publicUrl,
    streams: new StreamHub(options.services.clock, options.keepAliveMs, options.findEnded),
    cursors: new PageCursors(options.cursorSecret ?? randomBytes(32)),
    flags: options.flags ?? DEFAULT_FLAGS,
    checkReplies: options.checkReplies ?? false,
    docs: [],
    paths: new KnownPaths(),
    webhooks: [],
    draining: false,
  });
  const address = new ClientAddress(options.trustedProxies);
  app.decorateRequest('clientIp', '');
  app.decorateRequest('principal', null);
  app.decorateRequest('signedBody', null);
  app.decorateRequest('input', null);
  app.decorateRequest('prepared', null);
  app.server.on('checkExpectation', handleExpectation);
  installJsonParser(app);
  installWebSocket(app);
  installNotFound(app);
  const cors = new CorsPolicy(options.corsOrigins ?? []);
  app.addHook('onRequest', (request, reply, done) => {
    request.clientIp = address.of(request.raw);
    setCommonHeaders(request, reply);
    if (cors.isOpen && cors.apply(request, reply, () => app.surface.paths.methodsOf(pathOf(request.url)))) {
      return void reply.code(204).send();
    }
    done(refusalBeforeRouting(app, request, reply));
  });
  installRateLimits(app);
  if (options.countUse !== undefined) installUseCount(app, options.countUse);
  installRequestLog(app, {
    logger: options.logger,
    observeRequest: options.observeRequest,
    slowMs: options.slowMs ?? 1000,
  });
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(app, error, request, reply));
  const closeSpareSockets = trackSpareSockets(app.server);
  app.addHook('preClose', async () => {
    app.surface.draining = true;
    closeSpareSockets();
    app.surface.streams.closeAll('server_shutdown');
  });
  return app;
}

function createFastify(options: HttpOptions): FastifyInstance {
  const app: FastifyInstance = Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    // Lines name the request id themselves; a child logger for each request costs more than the rest.
    childLoggerFactory: (logger) => logger,
    requestIdHeader: false,
    genReqId: pickRequestId,
    trustProxy: false,
    bodyLimit: options.bodyLimit ?? DEFAULT_BODY_LIMIT,
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: 256 },
    clientErrorHandler: handleClientError,
    frameworkErrors: (error, unrouted, reply) => {
      const request = unrouted as FastifyRequest;
      request.clientIp = new ClientAddress(options.trustedProxies).of(request.raw);
      setCommonHeaders(request, reply as FastifyReply);
      void limitUnrouted(request, reply as FastifyReply, error).then((refusal) =>
        sendError(app, refusal, request, reply as FastifyReply),
      );
    },
    http: {
      requireHostHeader: false,
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    },
  });
  return app;
}

function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(SECURITY_HEADERS);
  reply.header('x-request-id', request.id);
  // A refused upgrade ends its connection: one that is kept would be reused by the client and break.
  if (request.ws) reply.header('connection', 'close');
}

function refusalBeforeRouting(
  app: FastifyInstance,
  request: FastifyRequest,
  reply: FastifyReply,
): Error | undefined {
  if (app.surface.draining) {
    reply.header('connection', 'close');
    return new DomainError('SERVICE_UNAVAILABLE', 'The server is shutting down.', { retryAfter: 1 });
  }
  if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
    return new DomainError('INVALID_REQUEST', 'The Host header is missing.');
  }
  const repeated = findRepeatedHeader(request.raw.rawHeaders);
  if (repeated !== null) return new DomainError('INVALID_REQUEST', `${repeated} was sent more than once.`);
  if (request.ws && !request.is404 && request.routeOptions.config.speaksWebSocket !== true) {
    return new DomainError('INVALID_REQUEST', 'This path does not speak WebSocket.');
  }
  return undefined;
}

/** Applied directly, not registered: routes added in this same tick need the plugin's hooks. */
function installWebSocket(app: FastifyInstance): void {
  const options: WebsocketPluginOptions = {
    options: { maxPayload: WS_MAX_MESSAGE_BYTES, perMessageDeflate: false, handleProtocols: selectProtocol },
    // Streams are closed with a reason by the hub; the plugin's own closing would pre-empt it.
    preClose: (done) => {
      app.websocketServer.close();
      done();
    },
    errorHandler: (_error, socket) => socket.terminate(),
  };
  websocket(app, options, (error) => {
    if (error !== undefined) throw error;
  });
  app.websocketServer.on('wsClientError', (error, socket, request) => {
    const refusal = new DomainError(
      'INVALID_REQUEST',
      `The WebSocket handshake is not valid: ${error.message}`,
    );
    refuseOnSocket(socket, refusal, { path: pathOf(request.url ?? ''), requestId: pickRequestId(request) });
  });
}

function installNotFound(app: FastifyInstance): void {
  const known = app.surface.paths;
  app.addHook('onRoute', (route) => known.add(route.url, route.method));
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url);
    const methods = known.methodsOf(path);
    if (methods.length === 0 || methods.includes(request.method)) {
      const suggestion = suggestVersion(path);
      throw new DomainError('NOT_FOUND', 'There is nothing at this path.', { suggestion });
    }
    reply.header('allow', methods.join(', '));
    throw new DomainError('METHOD_NOT_ALLOWED', `This path takes ${methods.join(', ')}.`, {
      details: { allowed_methods: methods },
    });
  });
}

function sendError(
  app: FastifyInstance,
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  reportRefusal(request, reply, thrown);
  const now = app.surface.clock.now();
  const { status, body } = toErrorAnswer(thrown, { path: pathOf(request.url), requestId: request.id, now });
  if (status === 403 && request.principal !== null) noteDenial(request, body.message);
  if (status >= 500) {
    const level = status === 503 ? 'warn' : 'error';
    app.log[level]({ err: thrown, request_id: request.id, code: body.code }, 'request failed');
  }
  if (body.code === 'PAYLOAD_TOO_LARGE') {
    // Closed with unread bytes, the connection would be reset before the caller has read why.
    reply.removeHeader('connection');
    request.raw.resume();
  }
  void reply.code(status).headers(errorHeaders(body)).send(JSON.stringify(body));
}
