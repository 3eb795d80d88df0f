import { beforeAll, describe, expect, it } from 'vitest';
import { errorOf } from './support/expect.ts';
import { send, type Answer, type Call } from './support/http.ts';
import { readPublishedApi, type Operation, type PublishedApi } from './support/openapi.ts';
import { target } from './support/target.ts';
import { CREATORS, Tenant } from './support/tenant.ts';

/** What anybody may call. A route that becomes public has to be added here, on purpose. */
const PUBLIC: ReadonlySet<string> = new Set([
  'acceptInvitation',
  'confirmPasswordReset',
  'createGuestSession',
  'getAuditKey',
  'getHealth',
  'getServiceHealth',
  'getRegistration',
  'login',
  'logout',
  'refreshLogin',
  'registerUser',
  'requestPasswordReset',
  'resendVerification',
  'verifyEmail',
  'verifyTwoFactor',
  'viewInvitation',
]);

/** Changes that everybody makes to what is their own, whatever their role; they need no scope, or only `read`. */
const OWN_AFFAIRS: ReadonlySet<string> = new Set([
  'changePassword',
  'createTeam',
  'disableTwoFactor',
  'enableTwoFactor',
  'endGuestSession',
  'logout',
  'regenerateBackupCodes',
  'revokeOtherUserSessions',
  'revokeUserSession',
  'setUpTwoFactor',
  'switchTenant',
  'updateProfile',
]);

/** Parameters whose values are the same for every tenant: there is nothing foreign about them. */
const SHARED: ReadonlySet<string> = new Set(['policy', 'step_index', 'token', 'version']);

type Values = Readonly<Record<string, string>>;

let api: PublishedApi;
let ours: Tenant;
let theirs: Tenant;

const pathParams = ({ parameters }: Operation) => parameters.filter((parameter) => parameter.in === 'path');

/** Fields of the example body that name something of a tenant. */
function idFields(operation: Operation): string[] {
  const example = bodyOf(operation)?.example;
  if (typeof example !== 'object' || example === null) return [];
  return Object.keys(example).filter((name) => name.endsWith('_id') && CREATORS[name] !== undefined);
}

const idFilters = ({ parameters }: Operation): string[] =>
  parameters
    .filter((parameter) => parameter.in === 'query' && CREATORS[parameter.name] !== undefined)
    .map(({ name }) => name);

function bodyOf({ body }: Operation): { type: string; example: unknown } | null {
  const [first] = Object.entries(body ?? {});
  return first === undefined ? null : { type: first[0], example: first[1].example };
}

/** The request of the document's own examples, with these values for paths, filters and bodies. */
function requestOf(operation: Operation, values: Values, body: Values = {}, filters: Values = {}): Call {
  const path = pathParams(operation).reduce(
    (text, { name }) => text.replace(`{${name}}`, encodeURIComponent(values[name]!)),
    operation.path,
  );
  const required = operation.parameters.filter((one) => one.in === 'query' && one.required === true);
  const query = new URLSearchParams({
    ...Object.fromEntries(required.map(({ name, example }) => [name, String(example)])),
    ...filters,
  }).toString();
  const call: Call = { method: operation.method, path: query === '' ? path : `${path}?${query}` };
  const sent = bodyOf(operation);
  if (sent === null) return call;
  if (sent.type !== 'application/json')
    return { ...call, raw: String(sent.example), headers: { 'content-type': sent.type } };
  return { ...call, body: { ...(sent.example as object), ...body } };
}

async function valuesOf(tenant: Tenant, names: readonly string[]): Promise<Values> {
  const values: Record<string, string> = {};
  for (const name of names) values[name] = await tenant.valueOf(name);
  return values;
}

const namesOf = (operation: Operation): string[] => pathParams(operation).map(({ name }) => name);

/** An answer without what is different in every answer. */
function essenceOf({ status, json }: Answer): unknown {
  const { path: _, request_id: __, timestamp: ___, ...rest } = json as Record<string, unknown>;
  return { status, ...rest };
}

/** Whatever was seen to be wrong, so that one run names every route at fault. */
class Findings {
  readonly #found: string[] = [];

  add(operation: Operation, what: string, answer: Answer): void {
    const { id, method, path } = operation;
    this.#found.push(`${id} (${method} ${path}) ${what}: ${answer.status} ${answer.text.slice(0, 300)}`);
  }

  expectNone(): void {
    expect(this.#found).toEqual([]);
  }
}

const withBearer = (operation: Operation): boolean => operation.security.some((way) => 'bearer' in way);
const isWrite = ({ method }: Operation): boolean => method !== 'GET';

describe.skipIf(!target.openToRegistration)('every route of the document', { timeout: 120_000 }, () => {
  beforeAll(async () => {
    api = await readPublishedApi();
    ours = await Tenant.register();
    theirs = await Tenant.register();
  });

  it('has a creator for each parameter of its path', () => {
    const missing = api.operations.flatMap((operation) =>
      namesOf(operation).filter((name) => CREATORS[name] === undefined),
    );
    expect([...new Set(missing)]).toEqual([]);
  });

  it('is public only if it is listed as that here', () => {
    const open = api.operations.filter(({ security }) => security.length === 0).map(({ id }) => id);
    expect(open.filter((id) => !PUBLIC.has(id))).toEqual([]);
  });

  it('P-06 answers the id of another tenant in its path exactly as an unknown one', async () => {
    const findings = new Findings();
    let asked = 0;
    for (const operation of api.operations.filter((one) => withBearer(one) && namesOf(one).length > 0)) {
      const names = namesOf(operation);
      const own = await valuesOf(theirs, names);
      const foreign = await valuesOf(ours, names);
      const changing = names.filter((name) => !SHARED.has(name));
      const body = await valuesOf(theirs, idFields(operation));
      // Each id foreign by itself, then all of them.
      const sets = changing.length > 1 ? [...changing.map((name) => [name]), changing] : [changing];
      for (const set of sets.filter(({ length }) => length > 0)) {
        const ask = (values: Values): Promise<Answer> =>
          send({ ...requestOf(operation, { ...own, ...values }, body), token: theirs.token });
        const [stranger, nobody] = await Promise.all([
          ask(Object.fromEntries(set.map((name) => [name, foreign[name]!]))),
          ask(Object.fromEntries(set.map((name) => [name, crypto.randomUUID()]))),
        ]);
        asked += 1;
        if (stranger.status !== 404) findings.add(operation, `with a foreign ${set.join()}`, stranger);
        else if (JSON.stringify(essenceOf(stranger)) !== JSON.stringify(essenceOf(nobody)))
          findings.add(operation, `tells a foreign ${set.join()} from an unknown one`, nobody);
      }
    }
    findings.expectNone();
    expect(asked).toBeGreaterThan(40);
  });

  it('P-06 answers the id of another tenant in its body or filter exactly as an unknown one', async () => {
    const findings = new Findings();
    let asked = 0;
    for (const operation of api.operations) {
      const own = await valuesOf(theirs, namesOf(operation));
      const ownBody = await valuesOf(theirs, idFields(operation));
      const token = withBearer(operation) ? theirs.token : null;
      const compare = async (name: string, requestWith: (value: string) => Call): Promise<void> => {
        const [stranger, nobody] = await Promise.all(
          [await ours.valueOf(name), crypto.randomUUID()].map((value) =>
            send({ ...requestWith(value), token }),
          ),
        );
        asked += 1;
        if (JSON.stringify(essenceOf(stranger!)) !== JSON.stringify(essenceOf(nobody!)))
          findings.add(operation, `tells a foreign ${name} from an unknown one`, stranger!);
      };
      for (const name of idFields(operation))
        await compare(name, (value) => requestOf(operation, own, { ...ownBody, [name]: value }));
      for (const name of idFilters(operation))
        await compare(name, (value) => requestOf(operation, own, ownBody, { [name]: value }));
    }
    findings.expectNone();
    expect(asked).toBeGreaterThan(5);
  });

  it('refuses changes to a read-only member and to a key of scope read with 403', async () => {
    const findings = new Findings();
    const tokens = [await ours.join('read_only'), await ours.makeKey(['read'])];
    for (const operation of api.operations.filter(withBearer)) {
      const { requiredScope, id, security } = operation;
      if (OWN_AFFAIRS.has(id)) continue;
      const values = await valuesOf(ours, namesOf(operation));
      const body = await valuesOf(ours, idFields(operation));
      const takesKeys = security.some((way) => 'apiKey' in way);
      for (const token of takesKeys ? tokens : tokens.slice(0, 1)) {
        const answer = await send({ ...requestOf(operation, values, body), token });
        const refused =
          requiredScope === null ? isWrite(operation) : requiredScope !== 'read' || isWrite(operation);
        if (refused && answer.status !== 403) findings.add(operation, 'by a reader', answer);
        if (!refused && answer.status >= 500) findings.add(operation, 'by a reader', answer);
      }
    }
    findings.expectNone();
  });

  it('needs no scope for changes only where everybody changes what is their own', () => {
    const free = api.operations.filter(
      (operation) => isWrite(operation) && operation.requiredScope === null && operation.security.length > 0,
    );
    expect(free.map(({ id }) => id).filter((id) => !OWN_AFFAIRS.has(id))).toEqual([]);
  });

  it('refuses whoever shows no credential, or a wrong one, with 401', async () => {
    const findings = new Findings();
    const wrong = [null, 'hf_not-a-key', `${ours.token.slice(0, -4)}AAAA`];
    for (const operation of api.operations.filter(({ security }) => security.length > 0)) {
      const values = Object.fromEntries(namesOf(operation).map((name) => [name, crypto.randomUUID()]));
      for (const token of wrong) {
        const answer = await send({ ...requestOf(operation, values), token });
        if (answer.status !== 401) findings.add(operation, 'without a credential', answer);
        else errorOf(answer, 401, 'UNAUTHORIZED');
      }
    }
    findings.expectNone();
  });

  it('refuses a guest with 401 unless it says that it takes guests', async () => {
    const findings = new Findings();
    const guest = await ours.makeGuest();
    const closed = api.operations.filter(
      ({ security }) => security.length > 0 && !security.some((way) => 'guestSecret' in way),
    );
    for (const operation of closed) {
      const values = await valuesOf(ours, namesOf(operation));
      const request = requestOf(operation, values, await valuesOf(ours, idFields(operation)));
      const answer = await send({ ...request, headers: { ...request.headers, ...guest }, token: null });
      if (answer.status !== 401) findings.add(operation, 'by a guest', answer);
    }
    findings.expectNone();
    expect(closed.length).toBeGreaterThan(40);
  });

  it('BF-1.1.e reports the total when it is a list', async () => {
    const findings = new Findings();
    const lists = api.operations.filter(({ parameters }) =>
      parameters.some(({ name }) => name === 'include_total'),
    );
    for (const operation of lists) {
      const request = requestOf(operation, await valuesOf(ours, namesOf(operation)));
      const answer = await send({ ...request, token: ours.token });
      const { pagination, page = pagination } = answer.json as Record<
        string,
        { total?: unknown } | undefined
      >;
      if (typeof page?.total !== 'number') findings.add(operation, 'says no total', answer);
    }
    findings.expectNone();
    expect(lists.length).toBeGreaterThan(10);
  });

  it('takes an Idempotency-Key when it creates', () => {
    /** What makes a repeat harmless without one: a name, an id of the client's, an address, a token that is used up. */
    const OTHERWISE = new Set(['appendEvents', 'putDocument', 'createGuestSession']);
    const without = api.operations
      .filter(({ method, responses }) => method === 'POST' && responses['201'] !== undefined)
      .filter(({ parameters }) => !parameters.some(({ name }) => name === 'idempotency-key'))
      .map(({ id }) => id);
    expect(without.filter((id) => !OTHERWISE.has(id))).toEqual([]);
  });

  it('takes an If-Match when it changes by PATCH', () => {
    const without = api.operations
      .filter(({ method }) => method === 'PATCH')
      .filter(({ parameters }) => !parameters.some(({ name }) => name === 'if-match'))
      .map(({ id }) => id);
    expect(without).toEqual([]);
  });
});
