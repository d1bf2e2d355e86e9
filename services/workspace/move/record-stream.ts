import type { Readable } from "node:stream";
import { RecordLine } from "../../../contracts/workspace-move.ts";
import type { Pool, PoolClient } from "../../runtime/database.ts";
import { RecordRefusedError } from "./errors.ts";

/** Rows that are written at once, and so much of them. */
const BATCH_ROWS = 500;
const BATCH_BYTES = 2 * 1_024 * 1_024;
/** Rows that are read at once: few at first, then as many as have made so many bytes. */
const FIRST_ROWS = 10;
const MAX_ROWS = 2_000;
const READ_BYTES = 2 * 1_024 * 1_024;
/** A line is a row: a task's prompt and configuration, or an event. */
const MAX_LINE_BYTES = 64 * 1_024 * 1_024;
/** Whoever reads may be slow, and the first row of a table comes after all have been sorted. */
const PATIENT_MS = 600_000;
const NEWLINE = 10;

/** The rows of a workspace that is leaving, a line each, in an order in which they can be added; then the `end`. */
export async function* readRecord(pool: Pool, workspaceId: string): AsyncGenerator<string> {
  const client = await pool.connect();
  const ignore = (): void => undefined; // its loss is told by the statement that runs into it
  client.on("error", ignore);
  let whole = false;
  try {
    await client.query("BEGIN READ ONLY");
    await client.query(`SET LOCAL statement_timeout = ${PATIENT_MS}`);
    await client.query(`SET LOCAL idle_in_transaction_session_timeout = ${PATIENT_MS}`);
    const tables = await client.query<{ name: string }>("SELECT name FROM workspace_tables ORDER BY position");
    let count = 0;
    for (const { name } of tables.rows) {
      for await (const rows of readTable(client, workspaceId, name)) {
        // As the database wrote it: numbers beyond what JavaScript holds exactly stay what they are.
        for (const { row } of rows) yield `{"table":${JSON.stringify(name)},"row":${row}}\n`;
        count += rows.length;
      }
    }
    await client.query("COMMIT");
    whole = true;
    yield `{"end":{"rows":${count}}}\n`;
  } finally {
    client.off("error", ignore);
    client.release(!whole); // a transaction that was left half read is nobody else's
  }
}

async function* readTable(client: PoolClient, workspaceId: string, table: string): AsyncGenerator<{ row: string }[]> {
  const opened = await client.query<{ cursor: string }>("SELECT open_workspace_rows($1, $2) AS cursor", [
    workspaceId,
    table,
  ]);
  const cursor = client.escapeIdentifier(opened.rows[0]?.cursor ?? "");
  for (let wanted = FIRST_ROWS; ;) {
    const { rows } = await client.query<{ row: string }>(`FETCH ${wanted} FROM ${cursor}`);
    if (rows.length === 0) break;
    yield rows;
    const bytes = rows.reduce((sum, { row }) => sum + row.length, 0) / rows.length;
    wanted = Math.max(1, Math.min(MAX_ROWS, wanted * 4, Math.floor(READ_BYTES / bytes)));
  }
  await client.query(`CLOSE ${cursor}`);
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
  let batch: { table: string; rows: string[]; bytes: number } | undefined;
  const flush = async (): Promise<void> => {
    if (batch === undefined) return;
    const { table, rows } = batch;
    batch = undefined;
    await add(pool, { workspaceId, moveId }, table, rows);
    count += rows.length;
  };
  for await (const line of linesOf(lines)) {
    if (announced !== undefined) throw new RecordRefusedError("the record goes on behind its end");
    const { table, row, end } = parse(line, count + (batch?.rows.length ?? 0) + 1);
    if (
      batch !== undefined &&
      (batch.table !== table || batch.rows.length >= BATCH_ROWS || batch.bytes > BATCH_BYTES)
    ) {
      await flush();
    }
    if (table === undefined) announced = end;
    else {
      batch ??= { table, rows: [], bytes: 0 };
      batch.rows.push(row);
      batch.bytes += row.length;
    }
  }
  if (announced === undefined) throw new RecordRefusedError("the record was cut short: its end has not come");
  if (announced !== count) throw new RecordRefusedError(`the record has ${count} rows, and its end says ${announced}`);
  return count;
}

/** At newlines alone: a prompt may hold other characters that look like an end of line. @throws RecordRefusedError */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const add = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > MAX_LINE_BYTES)
      throw new RecordRefusedError(`a line of the record is longer than ${MAX_LINE_BYTES} bytes`);
    parts.push(part);
  };
  const take = (): string => {
    const line = Buffer.concat(parts).toString("utf8");
    parts = [];
    bytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      add(chunk.subarray(start, end));
      start = end + 1;
      yield take();
    }
    if (start < chunk.length) add(chunk.subarray(start));
  }
  if (bytes > 0) yield take();
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
