/** A tree of the resources on a terminal, redrawn while the operation runs. */
import { nameOf, typeOf } from "./event-views.ts";
import { displayOf, type Display, type DisplayOptions } from "./display.ts";
import { OperationModel, statusText, type Row } from "./operation-model.ts";
import { closingText, seconds } from "./plain.ts";
import { opWords } from "./words.ts";

const redrawMilliseconds = 100;
/** Lines that the tree leaves free: its header, and the prompt below. */
const reservedLines = 3;

export function liveTreeDisplay(options: DisplayOptions, size: () => { columns: number; rows: number }): Display {
  const { out, paint, isPreview } = options;
  const model = new OperationModel(Date.now, options);
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  out(`${paint("bold", `${options.action} (${options.stack}):`)}\n`);

  const draw = (limit: number): void => {
    const lines = treeLines(model, options, size().columns, limit);
    out(`${drawn > 0 ? `\u001b[${drawn}A` : ""}\u001b[0J${lines.map((line) => `${line}\n`).join("")}`);
    drawn = lines.length;
  };
  const redraw = (): void => draw(size().rows - reservedLines);
  const redrawSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      redraw();
      // running rows show how long they have run
      if (!isPreview && [...model.rows.values()].some(({ state }) => state === "running")) redrawSoon();
    }, redrawMilliseconds).unref();
  };

  return displayOf(
    (event) => {
      if (event.kind === "text") {
        // text of the program stays above the tree
        out(`${drawn > 0 ? `\u001b[${drawn}A` : ""}\u001b[0J${event.text}`);
        drawn = 0;
      } else model.add(event);
      redrawSoon();
    },
    ({ outputs }) => {
      clearTimeout(timer);
      draw(Number.POSITIVE_INFINITY);
      out(closingText(model, options, outputs));
    },
  );
}

interface Line {
  readonly row: Row;
  readonly lead: string;
}

/** The tree's lines, at most `limit` of them: what runs and what failed goes before what is done. */
export function treeLines(model: OperationModel, options: DisplayOptions, columns: number, limit: number): string[] {
  const lines = layOut(model);
  if (lines.length === 0) return [];
  const shown = lines.length < limit ? lines : mostTelling(lines, Math.max(1, limit - 2));
  const [typeWidth, nameWidth] = [
    width(shown, ({ row, lead }) => lead + typeOf(row.urn)),
    width(shown, ({ row }) => nameOf(row.urn)),
  ];
  const statusWidth = width(shown, ({ row }) => status(row, options.isPreview));
  const header = `     ${"Type".padEnd(typeWidth)}  ${"Name".padEnd(nameWidth)}  ${options.isPreview ? "Plan" : "Status"}`;
  const body = shown.map(({ row, lead: branch }) => {
    const { mark, color } = opWords[row.op];
    const diffs = row.diffs.length > 0 && row.op !== "same" ? `[diff: ~${row.diffs.join(",")}]` : "";
    const lead = ` ${mark}  ${(branch + typeOf(row.urn)).padEnd(typeWidth)}  ${nameOf(row.urn).padEnd(nameWidth)}  `;
    const state = status(row, options.isPreview);
    const info = [diffs, row.message].filter((text) => text !== "").join("; ");
    const tail = info === "" ? "" : `${" ".repeat(statusWidth - state.length)}  ${info}`;
    const room = columns - lead.length - state.length;
    // a line that wraps would be one more than is counted
    if (room < 0) return (lead + state).slice(0, columns);
    const colored = options.paint(row.state === "failed" ? "red" : color, state);
    return lead + colored + (tail.length > room ? `${tail.slice(0, Math.max(0, room - 1))}…` : tail);
  });
  const hidden = lines.length - shown.length;
  return [header, ...body, ...(hidden > 0 ? [`     … and ${hidden} more`] : [])];
}

function status(row: Row, isPreview: boolean): string {
  // the stack itself has nothing to do but to run the program
  const text = row.state === "running" && row.op === "same" ? "running" : statusText(row, isPreview);
  if (isPreview || text === "") return text;
  return `${text} (${seconds((row.endedAt ?? Date.now()) - row.startedAt)})`;
}

/** Rows that say something, and the parents that lead to them. */
function layOut(model: OperationModel): Line[] {
  const shown = new Set<string>();
  for (const row of model.rows.values())
    if (model.isShown(row))
      for (
        let urn: string | undefined = row.urn;
        urn !== undefined && !shown.has(urn);
        urn = model.rows.get(urn)?.parent
      )
        shown.add(urn);
  const children = new Map<string, Row[]>();
  for (const row of model.rows.values()) {
    if (!shown.has(row.urn)) continue;
    const parent = model.rows.has(row.parent) ? row.parent : "";
    children.set(parent, [...(children.get(parent) ?? []), row]);
  }
  const lines: Line[] = [];
  const add = (row: Row, lead: string, below: string): void => {
    lines.push({ row, lead });
    const own = children.get(row.urn) ?? [];
    own.forEach((child, index) => {
      const last = index === own.length - 1;
      add(child, below + (last ? "└─ " : "├─ "), below + (last ? "   " : "│  "));
    });
  };
  for (const root of children.get("") ?? []) add(root, "", "");
  return lines;
}

/** Keeps the order of the tree. */
function mostTelling(lines: readonly Line[], count: number): Line[] {
  const rank = ({ row }: Line): number => ({ failed: 0, running: 1, done: 2 })[row.state];
  const chosen = new Set(
    lines
      .map((line, index) => ({ line, index }))
      .sort((a, b) => rank(a.line) - rank(b.line) || b.index - a.index)
      .slice(0, count)
      .map(({ line }) => line),
  );
  return lines.filter((line) => chosen.has(line));
}

function width(lines: readonly Line[], text: (line: Line) => string): number {
  return Math.max(4, ...lines.map((line) => text(line).length));
}
