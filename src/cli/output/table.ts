import { paint, type Screen, visibleLength } from './style.js';

/** Rows under headings, columns as wide as their widest cell, two spaces between; the last column is not padded. */
export function renderTable(
  screen: Screen,
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => visibleLength(row[column] ?? ''))),
  );
  const line = (cells: readonly string[], style?: 'bold'): string =>
    cells
      .map((cell, column) => {
        const painted = style === undefined ? cell : paint(screen, style, cell);
        const last = column === headings.length - 1;
        return last ? painted : painted + ' '.repeat((widths[column] ?? 0) - visibleLength(cell));
      })
      .join('  ')
      .trimEnd();
  return [line(headings, 'bold'), ...rows.map((row) => line(row))].join('\n') + '\n';
}
