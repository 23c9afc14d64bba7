/** Order by code unit, the same in every locale. */
export function byText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

export function sortedBy<T>(items: readonly T[], text: (item: T) => string): T[] {
  return [...items].sort((a, b) => byText(text(a), text(b)));
}
