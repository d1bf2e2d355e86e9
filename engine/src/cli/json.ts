/** JSON as Pulumi's commands print it. */

/** Two spaces, a line end, keys as they come. */
export function structJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** As `structJson`, the keys of every map in order. */
export function printedJson(value: unknown): string {
  return structJson(sortKeys(value));
}

export function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const map = value as Record<string, unknown>;
  const keys = Object.keys(map).sort();
  return Object.fromEntries(keys.map((key) => [key, sortKeys(map[key])]));
}

/** Rows under headers, each column as wide as its widest cell. */
export function printedTable(headers: readonly string[], rows: readonly (readonly string[])[], indent = ""): string {
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  return [headers, ...rows]
    .map((row) => {
      const cells = row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)));
      return `${indent}${cells.join("  ")}\n`;
    })
    .join("");
}
