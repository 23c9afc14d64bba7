/** Words further apart than this are not taken for one another, whatever their length. */
const MAX_DISTANCE = 3;

/**
 * Edits between two words: insert, delete, replace, or swap two neighbours (optimal string alignment).
 * Words longer than 64 characters are compared by their length alone.
 */
export function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return Math.max(a.length, b.length);
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, beforeLast[column - 2]! + 1);
      current.push(cost);
    }
    beforeLast = last;
    last = current;
  }
  return last[b.length]!;
}

/** The candidate the person most likely meant, or undefined when none is near. Ties go to the first. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const normal = word.toLowerCase().replaceAll('_', '-');
  let best: string | undefined;
  let bestDistance = Math.min(MAX_DISTANCE, Math.floor(Math.max(normal.length, 3) / 2)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - normal.length) >= bestDistance) continue;
    const distance = editDistance(normal, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean "mode"?`, or undefined when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? undefined : `did you mean "${candidate}"?`;
}
