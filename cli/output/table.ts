import { stripVTControlCharacters } from "node:util";
import { inOneLine } from "./style.ts";

/** Rows below their headings, columns aligned; a column whose heading ends with `>` is aligned to the right. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const titles = headings.map((heading) => heading.replace(/>$/, ""));
  const all = [titles, ...rows.map((row) => row.map(inOneLine))];
  const widths = titles.map((_title, column) => Math.max(...all.map((row) => width(row[column] ?? ""))));
  return all
    .map((row) =>
      row
        .map((cell, column) => {
          const padding = " ".repeat((widths[column] ?? 0) - width(cell));
          return headings[column]?.endsWith(">") === true ? padding + cell : cell + padding;
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `name: value` lines, values aligned. */
export function fields(entries: readonly (readonly [string, string])[]): string {
  const longest = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `${`${name}:`.padEnd(longest + 2)}${inOneLine(value)}`).join("\n");
}

const width = (text: string): number => Array.from(stripVTControlCharacters(text)).length;
