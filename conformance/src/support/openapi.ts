import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { get } from './http.ts';

/** A JSON Schema, as far as the published document uses it. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  format?: string;
  pattern?: string;
}

type Content = Record<string, { schema?: Schema; example?: unknown }>;

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
  example?: unknown;
}

export interface Operation {
  id: string;
  method: string;
  path: string;
  parameters: Parameter[];
  /** Any one of these ways is enough; none means that it is public. */
  security: Record<string, unknown>[];
  requiredScope: string | null;
  body: Content | null;
  responses: Record<string, { content?: Content }>;
}

interface Document {
  paths: Record<string, Record<string, PublishedOperation>>;
  components: { schemas: Record<string, Schema> };
}

interface PublishedOperation {
  operationId: string;
  parameters?: Parameter[];
  security: Record<string, unknown>[];
  'x-required-scope'?: string;
  requestBody?: { content: Content };
  responses: Operation['responses'];
}

/** The published document of the server under test. */
export class PublishedApi {
  readonly operations: Operation[];
  readonly #document: Document;
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: true });
  readonly #checks = new Map<Schema, (value: unknown) => string | null>();

  constructor(document: Document) {
    addFormats.default(this.#ajv);
    this.#document = document;
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, published]) => ({
        id: published.operationId,
        method: method.toUpperCase(),
        path,
        parameters: published.parameters ?? [],
        security: published.security,
        requiredScope: published['x-required-scope'] ?? null,
        body: published.requestBody?.content ?? null,
        responses: published.responses,
      })),
    );
  }

  resolve(schema: Schema): Schema {
    const name = schema.$ref?.replace('#/components/schemas/', '');
    return name === undefined ? schema : this.resolve(this.#document.components.schemas[name]!);
  }

  /** @returns what is wrong with the value, or null */
  check(schema: Schema, value: unknown): string | null {
    let check = this.#checks.get(schema);
    if (check === undefined) {
      const validate = this.#ajv.compile({ ...schema, components: this.#document.components });
      check = (given) => (validate(given) ? null : this.#ajv.errorsText(validate.errors));
      this.#checks.set(schema, check);
    }
    return check(value);
  }
}

export async function readPublishedApi(): Promise<PublishedApi> {
  const { status, json, text } = await get('/api/openapi.json', { token: null });
  if (status !== 200) throw new Error(`the OpenAPI document is not published: ${status} ${text}`);
  return new PublishedApi(json as Document);
}
