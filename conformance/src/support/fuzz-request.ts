import fc from 'fast-check';
import type { SchemaArbitrary } from './arbitrary.ts';
import type { Call } from './http.ts';
import type { Operation } from './openapi.ts';
import { target } from './target.ts';

export interface FuzzRequest {
  operation: Operation;
  call: Call;
  /** How a counterexample shows it: the operation itself is pages long. */
  [fc.toStringMethod](): string;
}

export interface Tokens {
  /** Of a user, for what keys may not do; may end on the way. */
  user: string | undefined;
  /** Keys of fewer scopes. */
  weaker: readonly string[];
}

const BAD_SEGMENTS = [
  '0',
  '-1',
  'null',
  '..',
  '%00',
  '%2e%2e%2f',
  '%ED%A0%80',
  "'",
  '%F0%9F%92%A9',
  'x'.repeat(300),
];
const BAD_VALUES = [...BAD_SEGMENTS, '', '1.5', '1e9', '9'.repeat(30), '%20', '%FF', '+', 'true', '[]', '%'];
const UNKNOWN_PAIRS = ['debug=1', '__proto__=1', 'limit[$gt]=1', 'a', '=', '&&', 'constructor=x', '%00=%00'];
const BAD_HEADERS: Record<string, string>[] = [
  { 'idempotency-key': '' },
  { 'idempotency-key': 'has space' },
  { 'idempotency-key': 'x'.repeat(300) },
  { 'idempotency-key': '\u00ff' },
  { 'last-event-id': 'nonsense' },
  { 'content-encoding': 'gzip' },
  { accept: 'text/event-stream' },
  { accept: 'image/png' },
  { 'x-request-id': '\u00ff'.repeat(200) },
  { 'x-http-method-override': 'DELETE' },
  { 'x-forwarded-for': '999.999.999.999, ::' },
  { origin: 'null' },
  { cookie: 'a=b; session=; ='.repeat(20) },
  { 'x-api-key': 'another' },
];
const BAD_TYPES = [
  'text/plain',
  'text/markdown',
  'application/xml',
  'multipart/form-data',
  'application/json; charset=latin1',
  'x',
  '',
];

const readable = (value: unknown): string =>
  typeof value === 'string' ? encodeURIComponent(value.toWellFormed()) : String(value);

/** Requests for one operation: valid ones, nearly valid ones and nonsense. */
export function requestFor(operation: Operation, schemas: SchemaArbitrary, tokens: Tokens) {
  return fc
    .record({
      path: pathOf(operation, schemas),
      query: queryOf(operation, schemas),
      headers: headersOf(operation),
      token: credential(mainTokenOf(operation, tokens), tokens.weaker),
      payload: payloadOf(operation, schemas),
    })
    .map(({ path, query, headers, token, payload }): FuzzRequest => {
      const typed: Record<string, string> = payload.type === null ? {} : { 'content-type': payload.type };
      return {
        operation,
        [fc.toStringMethod]: () =>
          `${operation.method} ${path}?${query} ${JSON.stringify({ headers, token, payload })}`,
        call: {
          method: operation.method,
          path: query === '' ? path : `${path}?${query}`,
          headers: { ...typed, ...headers },
          token,
          ...(payload.raw === undefined ? {} : { raw: payload.raw }),
        },
      };
    });
}

function pathOf({ path, parameters }: Operation, schemas: SchemaArbitrary): fc.Arbitrary<string> {
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const values = inPath.map(({ name, schema }) =>
    fc.oneof(
      { weight: 12, arbitrary: schemas.valid(schema, name).map(readable) },
      { weight: 1, arbitrary: fc.constantFrom(...BAD_SEGMENTS) },
    ),
  );
  return fc
    .tuple(...values)
    .map((given) =>
      given.reduce((text, value, i) => text.replace(`{${inPath[i]!.name}}`, () => value), path),
    );
}

function queryOf({ parameters }: Operation, schemas: SchemaArbitrary): fc.Arbitrary<string> {
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query')
    .map(({ name, schema }) =>
      fc.option(
        fc
          .oneof(
            { weight: 6, arbitrary: schemas.valid(schema, name).map(readable) },
            { weight: 1, arbitrary: fc.constantFrom(...BAD_VALUES) },
            { weight: 1, arbitrary: fc.constantFrom(`1&${name}=2`) },
          )
          // No cursor was given out yet.
          .map((value) => (name === 'cursor' && value === '' ? '' : `${name}=${value}`)),
        { nil: '', freq: 3 },
      ),
    );
  const unknown = fc.oneof(
    { weight: 12, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom(...UNKNOWN_PAIRS) },
  );
  return fc.tuple(...pairs, unknown).map((given) => given.filter((pair) => pair !== '').join('&'));
}

function headersOf({ parameters }: Operation): fc.Arbitrary<Record<string, string>> {
  const known = parameters
    .filter((parameter) => parameter.in === 'header')
    .map(({ name }) =>
      fc.option(
        fc
          .constantFrom(...(name === 'if-match' ? ['*', '"1"', '"2.x"', 'x'] : ['1', '2', '3', 'key-4']))
          .map((value) => ({ [name]: value })),
        { nil: {}, freq: 2 },
      ),
    );
  const bad = fc.oneof(
    { weight: 10, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constantFrom(...BAD_HEADERS) },
  );
  return fc.tuple(...known, bad).map((given) => Object.assign({}, ...given) as Record<string, string>);
}

function mainTokenOf({ security }: Operation, { user }: Tokens): string {
  const takesKeys = security.length === 0 || security.some((way) => 'apiKey' in way);
  return takesKeys || user === undefined ? target.apiKey : user;
}

function credential(main: string, weaker: readonly string[]): fc.Arbitrary<string | null> {
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
  const claims = Buffer.from('{"sub":"x","tid":"x","exp":9999999999}').toString('base64url');
  const bad = [
    null,
    `${target.apiKey}x`,
    target.apiKey.slice(0, -2),
    `${none}.${claims}.`,
    'x'.repeat(5000),
    'hf_',
  ];
  return fc.oneof(
    { weight: 16, arbitrary: fc.constant(main) },
    { weight: 1, arbitrary: fc.constantFrom(...weaker) },
    { weight: 1, arbitrary: fc.constantFrom(...bad) },
  );
}

interface Payload {
  type: string | null;
  raw?: string | Buffer;
}

function payloadOf({ method, body }: Operation, schemas: SchemaArbitrary): fc.Arbitrary<Payload> {
  if (method === 'GET') return fc.constant({ type: null });
  const [type, schema] = body === null ? [null, {}] : contentOf(body);
  if (type === null) {
    return fc.constantFrom<Payload>(
      { type: null },
      { type: 'application/json', raw: '{}' },
      { type: 'x', raw: 'x' },
    );
  }
  const texts =
    type === 'application/json'
      ? {
          valid: schemas.valid(schema).map((value) => JSON.stringify(value)),
          broken: schemas.broken(schema).map((value) => JSON.stringify(value) ?? ''),
        }
      : { valid: fc.string({ minLength: 1 }), broken: fc.string({ unit: 'binary' }) };
  const cut = fc.tuple(texts.valid, fc.nat({ max: 40 })).map(([text, n]) => text.slice(0, -n));
  const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
  const raw: fc.Arbitrary<string | Buffer> = fc.oneof(
    { weight: 14, arbitrary: texts.valid },
    { weight: 8, arbitrary: texts.broken },
    { weight: 1, arbitrary: cut },
    { weight: 1, arbitrary: bytes },
    {
      weight: 1,
      arbitrary: fc.constantFrom('', '{}', '[]', '{"a":1e999}', '\ufeff{}', '{"a":01}', '"\\ud800"'),
    },
  );
  const types = fc.oneof(
    { weight: 15, arbitrary: fc.constant(type) },
    { weight: 1, arbitrary: fc.constantFrom(...BAD_TYPES) },
  );
  return fc.record({ type: types, raw });
}

function contentOf(body: NonNullable<Operation['body']>) {
  const [type, { schema = {} }] = Object.entries(body)[0]!;
  return [type, schema] as const;
}
