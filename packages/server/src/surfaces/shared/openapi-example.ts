import { textMatching } from './openapi-pattern.ts';

export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  examples?: unknown[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  minItems?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  format?: string;
  pattern?: string;
}

export type Components = Readonly<Record<string, JsonSchema>>;

const TIME = '2026-11-21T09:30:00.000Z';

const BY_FORMAT: Readonly<Record<string, string>> = {
  uuid: '0197f3a2-5c1e-7b40-8d2a-3f6c9e1b7a54',
  'date-time': TIME,
  date: '2026-11-21',
  email: 'ada@example.com',
  uri: 'https://example.com/',
};

/** What a text called so may well be. */
const BY_NAME: Readonly<Record<string, string>> = {
  actor: 'user:3f6c9e1b',
  address: '203.0.113.7',
  call_id: 'call_1',
  client_msg_id: 'msg-0001',
  code: '123456',
  content: 'Which documents mention leases?',
  content_hash: 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9',
  created_by: 'user:3f6c9e1b',
  current_password: 'correct horse battery staple',
  cursor: 'bm90LWEtcmVhbC1jdXJzb3I',
  email: 'ada@example.com',
  holder: 'laptop-1',
  instructions: 'Answer from the documents.',
  ip: '203.0.113.7',
  key_id: '2026-11',
  locale: 'en',
  model: 'default',
  name: 'Support',
  new_password: 'a long and new password',
  next: '/api/v1/agents?cursor=bm90LWEtcmVhbC1jdXJzb3I',
  next_cursor: 'bm90LWEtcmVhbC1jdXJzb3I',
  password: 'correct horse battery staple',
  path: '/api/v1/projects',
  policy: 'requests',
  principal: 'user:3f6c9e1b',
  query: 'how does a lease end',
  reason: 'Done for today.',
  refresh_token: 'a-token-from-a-login',
  route: 'GET /api/v1/agents',
  self: '/api/v1/agents',
  subject: 'user:3f6c9e1b',
  system_prompt: 'Answer from the documents.',
  timezone: 'Europe/Berlin',
  title: 'A first question',
  token: 'a-token-from-a-mail',
  tool: 'calculate',
  type: 'note.made',
  user_agent: 'Mozilla/5.0',
};

/**
 * A plausible value for a schema. Of optional properties only answers show all; a request that requires none
 * shows its first.
 * @param name of the property it is for
 */
export function exampleOf(
  given: JsonSchema,
  components: Components,
  { name = '', whole }: { name?: string; whole: boolean },
): unknown {
  const schema = resolve(given, components);
  const [first] = schema.examples ?? [];
  if (first !== undefined) return first;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum !== undefined) return schema.enum[0];
  const deeper = { name, whole };
  const union = schema.anyOf ?? schema.oneOf;
  if (union !== undefined) {
    const shown = union.find((one) => resolve(one, components).type !== 'null') ?? union[0]!;
    return exampleOf(shown, components, deeper);
  }
  if (schema.allOf !== undefined) {
    return Object.assign({}, ...schema.allOf.map((part) => exampleOf(part, components, deeper) as object));
  }
  switch (typeOf(schema)) {
    case 'object':
      return exampleOfObject(schema, components, whole);
    case 'array':
      return exampleOfArray(schema, components, deeper);
    case 'string':
      return exampleOfText(schema, name);
    case 'integer':
    case 'number':
      return exampleOfNumber(schema);
    case 'boolean':
      return schema.default ?? true;
    case 'null':
      return null;
    default:
      return {};
  }
}

export function resolve(schema: JsonSchema, components: Components): JsonSchema {
  const name = schema.$ref?.replace('#/components/schemas/', '');
  return name === undefined ? schema : resolve(components[name] ?? {}, components);
}

function typeOf({ type, properties }: JsonSchema): string | undefined {
  if (Array.isArray(type)) return type.find((one) => one !== 'null');
  return type ?? (properties === undefined ? undefined : 'object');
}

function exampleOfObject(schema: JsonSchema, components: Components, whole: boolean): unknown {
  const { properties = {}, required = [] } = schema;
  const names = Object.keys(properties);
  const needed = whole ? names : names.filter((name) => required.includes(name));
  const shown = needed.length === 0 ? names.slice(0, 1) : needed;
  return Object.fromEntries(
    shown.map((name) => [name, exampleOf(properties[name]!, components, { name, whole })]),
  );
}

function exampleOfArray(
  { items, minItems = 0, default: fallback }: JsonSchema,
  components: Components,
  options: { name: string; whole: boolean },
): unknown {
  if (items === undefined || (fallback !== undefined && !options.whole)) return fallback ?? [];
  const item = exampleOf(items, components, options);
  return Array.from({ length: Math.max(1, minItems) }, () => item);
}

function exampleOfText(schema: JsonSchema, name: string): unknown {
  const { format = '', default: fallback, minLength = 0, pattern } = schema;
  const text =
    BY_FORMAT[format] ?? fallback ?? BY_NAME[name] ?? (name.endsWith('_at') ? TIME : name || 'text');
  if (typeof text !== 'string') return text;
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(text)) return textMatching(pattern) ?? text;
  return text.padEnd(minLength, 'x');
}

function exampleOfNumber({ default: fallback, minimum, exclusiveMinimum, maximum }: JsonSchema): unknown {
  if (fallback !== undefined) return fallback;
  const least = minimum ?? (exclusiveMinimum === undefined ? 1 : exclusiveMinimum + 1);
  return Math.min(Math.max(least, 1), maximum ?? Infinity);
}
