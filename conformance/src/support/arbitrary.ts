import fc from 'fast-check';
import type { PublishedApi, Schema } from './openapi.ts';

type Arb = fc.Arbitrary<unknown>;

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
};

/** Texts that have broken somebody's server. */
export const hostileTexts = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  'x\udfffy',
  '\u202e\u2028\ufeff',
  "'; drop table sessions; --",
  "\\' or 1=1",
  '{"$ne":null}',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  '%00%s%n',
  '__proto__',
  'NaN',
  '9'.repeat(400),
  'x'.repeat(100_001),
];

const hostile: Arb = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...hostileTexts) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(0, -1, 1.5, 1e15, 2 ** 53, -(2 ** 63), 1e300, 5e-324, 2_147_483_648, -0),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], { a: {} }, { $gt: '' }, [
      0,
      'x',
    ]),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(nested(62), nested(70), nested(500), Array(5000).fill(0), {
      constructor: { prototype: { admin: true } },
      toString: 1,
    }),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 50 }) },
  { weight: 1, arbitrary: fc.jsonValue() },
);

/** Where a value comes from when its name says that it is an id. */
export type IdSource = (name: string) => readonly string[];

/** Values that match a schema, or nearly: patterns are left to chance. */
export class SchemaArbitrary {
  readonly #api: PublishedApi;
  readonly #idsOf: IdSource;

  constructor(api: PublishedApi, idsOf: IdSource) {
    this.#api = api;
    this.#idsOf = idsOf;
  }

  valid(given: Schema, name = ''): Arb {
    const schema = this.#api.resolve(given);
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
    const union = schema.anyOf ?? schema.oneOf;
    if (union !== undefined) return fc.oneof(...union.map((one) => this.valid(one, name)));
    if (Array.isArray(schema.type)) {
      return fc.oneof(...schema.type.map((type) => this.valid({ ...schema, type }, name)));
    }
    switch (schema.type) {
      case 'object':
        return this.#object(schema);
      case 'array':
        return fc.array(this.valid(schema.items ?? {}, name), {
          minLength: schema.minItems ?? 0,
          maxLength: Math.min(schema.maxItems ?? 3, (schema.minItems ?? 0) + 3),
        });
      case 'string':
        return this.#string(schema, name);
      case 'integer':
        return this.#integer(schema);
      case 'number':
        return fc.double({ noNaN: true });
      case 'boolean':
        return fc.boolean();
      case 'null':
        return fc.constant(null);
      default:
        return fc.jsonValue({ maxDepth: 2 });
    }
  }

  /** A value as `valid` makes it, with up to three things wrong. */
  broken(schema: Schema): Arb {
    const change = fc.record({
      at: fc.nat(),
      how: fc.constantFrom('replace', 'remove', 'add'),
      value: hostile,
    });
    return fc
      .tuple(this.valid(schema), fc.array(change, { minLength: 1, maxLength: 3 }))
      .map(([value, changes]) => {
        const root = { value: structuredClone(value) };
        for (const { at, how, value: bad } of changes) spoil(root, at, how, structuredClone(bad));
        return root.value;
      });
  }

  #object({ properties = {}, required = [], additionalProperties }: Schema): Arb {
    const names = Object.keys(properties);
    if (names.length === 0 && additionalProperties !== false) {
      return fc.dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 });
    }
    const arbs = Object.fromEntries(names.map((name) => [name, this.valid(properties[name]!, name)]));
    return fc.record(arbs, { requiredKeys: required });
  }

  #string({ format, pattern, minLength = 0, maxLength = 200 }: Schema, name: string): Arb {
    // Cursors are opaque: those that were given out are the only ones.
    if (name === 'cursor') {
      return fc.nat().map((at) => this.#idsOf(name).at(at % Math.max(1, this.#idsOf(name).length)) ?? '');
    }
    if (format === 'uuid') {
      // Looked up when a value is made: ids come and go meanwhile.
      const known = fc.nat().map((at) => this.#idsOf(name).at(at % Math.max(1, this.#idsOf(name).length)));
      return fc.oneof(
        { weight: 5, arbitrary: known.map((id) => id ?? crypto.randomUUID()) },
        { weight: 1, arbitrary: fc.uuid() },
      );
    }
    if (format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
    if (format === 'email') return fc.emailAddress();
    if (pattern !== undefined) {
      const matching = fc.stringMatching(new RegExp(pattern, 'u'), { size: '-1' });
      return matching.map((text) => text.slice(0, Math.max(maxLength, 1)));
    }
    const bounds = { minLength, maxLength: Math.min(maxLength, minLength + 20) };
    const word = fc.stringMatching(/^[a-z]{1,8}\.[a-z]{1,8}$/);
    return fc.oneof(word, fc.string(bounds), fc.string({ ...bounds, unit: 'grapheme' }));
  }

  #integer({ minimum = -1e6, maximum = 1e6 }: Schema): Arb {
    return fc.oneof(
      fc.integer({ min: Math.max(minimum, -(2 ** 31)), max: Math.min(maximum, minimum + 5) }),
      fc.constantFrom(minimum, maximum),
    );
  }
}

type Slot = { holder: Record<string, unknown>; key: string };

function slotsOf(root: { value: unknown }): Slot[] {
  const slots: Slot[] = [{ holder: root, key: 'value' }];
  for (let i = 0; i < slots.length && i < 200; i++) {
    const { holder, key } = slots[i]!;
    const value = holder[key];
    if (typeof value !== 'object' || value === null) continue;
    for (const inner of Object.keys(value))
      slots.push({ holder: value as Record<string, unknown>, key: inner });
  }
  return slots;
}

function spoil(root: { value: unknown }, at: number, how: string, bad: unknown): void {
  const slots = slotsOf(root);
  const { holder, key } = slots[at % slots.length]!;
  const value = holder[key];
  if (how === 'remove' && holder !== root) delete holder[key];
  else if (how === 'add' && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    (value as Record<string, unknown>)[hostileTexts[at % hostileTexts.length]!.slice(0, 50)] = bad;
  } else holder[key] = bad;
}
