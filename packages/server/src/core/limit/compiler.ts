import type { Allowance, LimitPolicy, LimitRules } from '../ports.ts';
import { rulesOf } from './rules.ts';

/** What an allowance means for the store, and for whoever reads what is left. */
export interface Compiled {
  /** As declared. */
  rules: LimitRules;
  /** With the room for uses that are slowed down. */
  enforced: LimitRules;
}

/** Equal objects for equal numbers: what is remembered of a decision holds for the rules it was made by. */
export class Compiler {
  readonly #known = new WeakMap<Allowance, Map<number, Compiled | null>>();

  /** Null where nothing is limited. */
  compile(allowance: Allowance | null, { stages }: Pick<LimitPolicy, 'stages'>): Compiled | null {
    if (allowance === null) return null;
    const known = this.#known.get(allowance) ?? new Map<number, Compiled | null>();
    this.#known.set(allowance, known);
    const compiled = known.get(stages.slowUpTo) ?? build(allowance, stages.slowUpTo);
    known.set(stages.slowUpTo, compiled);
    return compiled;
  }
}

function build(allowance: Allowance, slowUpTo: number): Compiled | null {
  const rules = rulesOf(allowance);
  return rules === null ? null : { rules, enforced: rulesOf(allowance, slowUpTo)! };
}
