const MINIMUM = 10;
const PADDING = 3;

/**
 * Lays out lines whose cells are parted by tabs, as Go's text/tabwriter does with Docker's settings: a cell that a tab ends is
 * as wide as the widest of those above and below it without a gap, 3 more, and at least 10.
 */
export function alignColumns(text: string, minimum = MINIMUM): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths = lines.map((): number[] => []);
  for (let row = 0; row < lines.length; row++) {
    const cells = lines[row] as string[];
    // The last cell of a line is not ended by a tab.
    for (let column = widths[row]?.length ?? 0; column < cells.length - 1; column++) {
      let end = row;
      let width = minimum;
      for (; end < lines.length && (lines[end] as string[]).length - 1 > column; end++)
        width = Math.max(width, lengthOf(lines[end]?.[column] ?? '') + PADDING);
      for (let at = row; at < end; at++) (widths[at] as number[])[column] = width;
    }
  }
  return lines
    .map((cells, row) =>
      cells
        .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[row]?.[column] ?? 0) - lengthOf(cell))))
        .join(''),
    )
    .join('\n');
}

function lengthOf(text: string): number {
  // Characters, not halves of surrogate pairs.
  return /[\ud800-\udbff]/.test(text) ? [...text].length : text.length;
}
