/** A limit that a figure is held to. */
export interface Gate {
  /** What is compared: the ratio, the figure itself, or another one the row shows. */
  measured: number;
  at: 'least' | 'most';
  limit: number;
  stretch?: number;
  unit?: string;
}

/** One line of the table. */
export interface Row {
  /** Stable over time: results are compared by it. */
  id: string;
  metric: string;
  engine: string;
  value: number;
  unit: string;
  /** Which direction is an improvement. */
  better: 'higher' | 'lower';
  /** Milliseconds. */
  p50?: number;
  p95?: number;
  /** The raw limit or the other system, measured in the same run. */
  baseline?: { name: string; value: number };
  /** Ours to the baseline: median over the interleaved repetitions. */
  ratio?: number;
  gates?: Gate[];
}

export type Verdict = 'stretch' | 'pass' | 'MISS' | '';

function reaches(gate: Gate, limit: number): boolean {
  return gate.at === 'least' ? gate.measured >= limit : gate.measured <= limit;
}

/** The worst of the row's gates; empty where it has none. */
export function verdictOf({ gates = [] }: Row): Verdict {
  if (gates.length === 0) return '';
  if (!gates.every((gate) => reaches(gate, gate.limit))) return 'MISS';
  const stretched = gates.every((gate) => gate.stretch !== undefined && reaches(gate, gate.stretch));
  return stretched ? 'stretch' : 'pass';
}

export function atLeast(measured: number, limit: number, stretch?: number, unit?: string): Gate {
  return { measured, at: 'least', limit, stretch, unit };
}

export function atMost(measured: number, limit: number, stretch?: number, unit?: string): Gate {
  return { measured, at: 'most', limit, stretch, unit };
}
