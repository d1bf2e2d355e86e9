import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { RecordLine } from "../../../contracts/workspace-move.ts";
import type { Pool } from "../../runtime/database.ts";
import { RecordRefusedError } from "./errors.ts";

/** Rows that are read or written at once; one may hold an event of 64 KiB. */
const PAGE = 200;
/** A line is a row: a task's prompt and configuration, or an event. */
const MAX_LINE_CHARS = 64 * 1_024 * 1_024;
const MAX_BATCH_CHARS = 4 * 1_024 * 1_024;

/** The rows of a workspace that is leaving, a line each, in an order in which they can be added; then the `end`. */
export async function* readRecord(pool: Pool, workspaceId: string): AsyncGenerator<string> {
  const tables = await pool.query<{ name: string }>("SELECT name FROM workspace_tables ORDER BY position");
  let count = 0;
  for (const { name } of tables.rows) {
    for (let last: string | null = null; ;) {
      const page: { rows: { row: string }[] } = await pool.query<{ row: string }>(
        "SELECT read_workspace_rows AS row FROM read_workspace_rows($1, $2, $3, $4)",
        [workspaceId, name, last, PAGE],
      );
      // As the database wrote it: numbers beyond what JavaScript holds exactly stay what they are.
      for (const { row } of page.rows) yield `{"table":${JSON.stringify(name)},"row":${row}}\n`;
      count += page.rows.length;
      last = page.rows.at(-1)?.row ?? null;
      if (page.rows.length < PAGE) break;
    }
  }
  yield `{"end":{"rows":${count}}}\n`;
}

/**
 * Adds the lines to a workspace that is arriving. Resolves to their number when the `end` has come and agrees.
 *
 * @throws RecordRefusedError for a line that is none, a row that the database refuses, or a stream that was cut short.
 */
export async function writeRecord(
  pool: Pool,
  { workspaceId, moveId }: { readonly workspaceId: string; readonly moveId: string },
  lines: Readable,
): Promise<number> {
  let count = 0;
  let announced: number | undefined;
  let batch: { table: string; rows: string[]; chars: number } | undefined;
  const flush = async (): Promise<void> => {
    if (batch === undefined) return;
    const { table, rows } = batch;
    batch = undefined;
    await add(pool, { workspaceId, moveId }, table, rows);
    count += rows.length;
  };
  for await (const line of createInterface({ input: lines, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (announced !== undefined) throw new RecordRefusedError("the record goes on behind its end");
    if (line.length > MAX_LINE_CHARS)
      throw new RecordRefusedError(`a line of the record has ${line.length} characters`);
    const { table, row, end } = parse(line, count + (batch?.rows.length ?? 0) + 1);
    if (batch !== undefined && (batch.table !== table || batch.rows.length >= PAGE || batch.chars > MAX_BATCH_CHARS)) {
      await flush();
    }
    if (table === undefined) announced = end;
    else {
      batch ??= { table, rows: [], chars: 0 };
      batch.rows.push(row);
      batch.chars += row.length;
    }
  }
  if (announced === undefined) throw new RecordRefusedError("the record was cut short: its end has not come");
  if (announced !== count) throw new RecordRefusedError(`the record has ${count} rows, and its end says ${announced}`);
  return count;
}

type Parsed =
  | { readonly table: string; readonly row: string; readonly end?: never }
  | { readonly table?: never; readonly row?: never; readonly end: number };

/** The row stays the text that came, for the reason that it was written as text. */
function parse(line: string, number: number): Parsed {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new RecordRefusedError(`line ${number} of the record is not JSON`, error);
  }
  const { data } = RecordLine.safeParse(json);
  if (data === undefined) throw new RecordRefusedError(`line ${number} of the record is neither a row nor its end`);
  if ("end" in data) return { end: data.end.rows };
  const start = line.indexOf('"row":');
  return { table: data.table, row: line.slice(start + '"row":'.length, line.lastIndexOf("}")) };
}

async function add(
  pool: Pool,
  { workspaceId, moveId }: { readonly workspaceId: string; readonly moveId: string },
  table: string,
  rows: readonly string[],
): Promise<void> {
  try {
    await pool.query("SELECT add_workspace_rows($1, $2, $3, $4)", [workspaceId, moveId, table, `[${rows.join(",")}]`]);
  } catch (error) {
    const { code } = error as { code?: string };
    // Classes: no data (an unknown table), data, integrity, access. What else fails may pass.
    if (code !== undefined && /^(P0002|22|23|42)/.test(code)) {
      throw new RecordRefusedError(`${table}: ${(error as Error).message}`, error);
    }
    throw error;
  }
}
