import type { MathNode } from 'mathjs';
import { z } from 'zod';
import { invalid } from '../../core/errors.ts';
import type { Tool } from '../../core/ports.ts';
import { defineTool } from './define.ts';

const input = z.strictObject({
  expression: z
    .string()
    .trim()
    .min(1)
    .max(300)
    .describe('Arithmetic such as "(2 + 3) * sqrt(16) / 7 ^ 2". No variables.'),
});

const OPERATORS = new Set('+ - * / ^ % mod !'.split(' '));
const FUNCTIONS = new Set(
  `abs cbrt ceil cos acos cosh exp fix floor hypot log log10 log1p log2 max mean median min mod pow round sign
  sin asin sinh sqrt square cube sum tan atan atan2 tanh`.split(/\s+/),
);
const CONSTANTS = new Set(['pi', 'e', 'tau', 'phi']);
const DIGITS = 14;

/** Arithmetic on 64-bit floating point numbers, rounded to 14 significant digits. */
export const calculate: Tool = defineTool({
  name: 'calculate',
  description:
    'Evaluates arithmetic: + - * / ^ % ! parentheses, functions such as sqrt, log, sin, round, min, max, and pi, e.',
  policy: 'retry',
  timeout_ms: 5_000,
  input,
  async run({ expression }) {
    const { parse, format } = await import('mathjs/number');
    const node = parseExpression(parse, expression);
    assertArithmetic(node);
    const value: unknown = evaluate(node);
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw invalid('expression', 'has no finite result');
    return { expression, result: Number(format(value, { precision: DIGITS })) };
  },
});

function parseExpression(parse: (text: string) => MathNode, expression: string): MathNode {
  try {
    return parse(expression);
  } catch (error) {
    throw invalid('expression', error instanceof Error ? error.message : 'cannot be read');
  }
}

function evaluate(node: MathNode): unknown {
  try {
    return node.compile().evaluate(new Map());
  } catch (error) {
    throw invalid('expression', error instanceof Error ? error.message : 'cannot be evaluated');
  }
}

/** Lets through only what is known to be harmless and quick; anything new in the library is refused. */
function assertArithmetic(root: MathNode): void {
  root.traverse((node, path, parent) => {
    const type = node.type as string;
    if (type === 'ParenthesisNode') return;
    if (type === 'ConstantNode' && typeof field(node, 'value') === 'number') return;
    if (type === 'OperatorNode' && OPERATORS.has(String(field(node, 'op')))) return;
    if (type === 'FunctionNode' && field(field(node, 'fn'), 'type') === 'SymbolNode') return;
    if (type === 'SymbolNode') {
      const name = String(field(node, 'name'));
      const called = path === 'fn' && (parent?.type as string) === 'FunctionNode';
      if ((called ? FUNCTIONS : CONSTANTS).has(name)) return;
      throw invalid('expression', `"${name}" is not a known ${called ? 'function' : 'constant'}`);
    }
    throw invalid('expression', `"${node.toString().slice(0, 60)}" is not arithmetic`);
  });
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
