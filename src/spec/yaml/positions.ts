import type { SourceLocation } from '../source-location.js';

/** Where an offset into the text stands in its file. */
export type Locate = (offset: number) => SourceLocation;

/** Columns count UTF-16 code units, as editors do. */
export function positionsIn(text: string, file: string): Locate {
  const lineStarts = [0];
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) lineStarts.push(end + 1);
  return (offset) => {
    let low = 0;
    let high = lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { file, line: low + 1, column: offset - lineStarts[low]! + 1 };
  };
}
