/** A literal, an escape, a class or a group, and how often. */
const PIECE = /(\\.|\[(?:\\.|[^\]])*\]|\(\?:|\(|\)|\||[^\\[\]()|{}*+?])(\{(\d+)(?:,\d*)?\}|[*+?])?/gy;
const REPEATS: Readonly<Record<string, number>> = { '*': 5, '+': 6, '?': 0 };
const SAMPLE = 'abcdefghijkmnopqrstuvwxyz';
const CANDIDATES = `0123456789${SAMPLE}${SAMPLE.toUpperCase()}_-.`.split('');

/**
 * A text that a simple regular expression matches: literals, classes and counts, no groups.
 * @returns null for what it cannot do
 */
export function textMatching(pattern: string): string | null {
  const body = pattern.replace(/^\^/, '').replace(/\$$/, '');
  let text = '';
  PIECE.lastIndex = 0;
  while (PIECE.lastIndex < body.length) {
    const piece = PIECE.exec(body);
    if (piece === null || /^[()|]/.test(piece[1]!)) return null;
    const [, one = '', count, exactly] = piece;
    const times = exactly === undefined ? (REPEATS[count ?? ''] ?? 1) : Number(exactly);
    for (let i = 0; i < times; i += 1) text += characterOf(one, text.length);
  }
  return new RegExp(pattern, 'u').test(text) ? text : null;
}

/** The one at this place of the alphabet that the piece matches, or the first that does. */
function characterOf(piece: string, place: number): string {
  if (piece.length === 1 && piece !== '.') return piece;
  const matcher = new RegExp(`^${piece}$`, 'u');
  const wanted = SAMPLE[place % SAMPLE.length]!;
  return [wanted, ...CANDIDATES].find((candidate) => matcher.test(candidate)) ?? piece.replace(/^\\/, '');
}
