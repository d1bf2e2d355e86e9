import pg, { type ClientBase, type CustomTypesConfig, type FieldDef } from "pg";
import type { ToolInput } from "../../../contracts/tools.ts";

export interface Rows {
  /** Names as the query gave them (two may be the same), and their types as PostgreSQL writes them. */
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** In the order of `columns`. */
  readonly rows: readonly (readonly unknown[])[];
  /** Whether the query has more rows than these. */
  readonly truncated: boolean;
}

const { builtins } = pg.types;
const FETCH_ROWS = 100;
/** Of all values as JSON. */
const MAX_JSON_BYTES = 1024 ** 2;
/** What has no cursor: they answer few rows, and a transaction that only reads bounds them too. */
const WITHOUT_CURSOR = /^\s*(explain|show)\b/i;

/** Without it the driver takes the simple protocol, and with it several statements, where there are no parameters. */
const EXTENDED = { queryMode: "extended" };

/** Numbers that JavaScript holds exactly, booleans and JSON as what they are; everything else as PostgreSQL writes it. */
const TYPES: CustomTypesConfig = {
  // The driver's signature has one overload per format; text is the only one asked for.
  getTypeParser: ((oid: number) => PARSERS[oid] ?? asText) as CustomTypesConfig["getTypeParser"],
};
const asText = (text: string): unknown => text;
const finite = (text: string): unknown => (Number.isFinite(Number(text)) ? Number(text) : text);
const PARSERS: Readonly<Record<number, (text: string) => unknown>> = {
  [builtins.INT2]: Number,
  [builtins.INT4]: Number,
  [builtins.OID]: Number,
  [builtins.FLOAT4]: finite,
  [builtins.FLOAT8]: finite,
  [builtins.BOOL]: (text) => text === "t",
  [builtins.JSON]: (text) => JSON.parse(text) as unknown,
  [builtins.JSONB]: (text) => JSON.parse(text) as unknown,
};

/**
 * Runs the statement by a cursor and reads as much as was asked for. The extended protocol takes one statement only, and
 * a cursor only one that reads.
 */
export async function readRows(client: ClientBase, input: ToolInput<"database_query">): Promise<Rows> {
  // Given as text: the database decides what type a parameter has.
  const values = input.parameters.map((value) => (value === null ? null : String(value)));
  if (WITHOUT_CURSOR.test(input.query)) {
    const statement = { text: input.query, values, rowMode: "array" as const, types: TYPES, ...EXTENDED };
    const answer = await client.query(statement);
    const { kept, truncated } = keep(answer.rows as unknown[][], input.maxRows, MAX_JSON_BYTES);
    return { columns: await describe(client, answer.fields), rows: kept, truncated };
  }
  const declaration = { text: `DECLARE automatos_cursor NO SCROLL CURSOR FOR ${input.query}`, values, ...EXTENDED };
  await client.query(declaration);
  const rows: unknown[][] = [];
  let fields: readonly FieldDef[] = [];
  let room = MAX_JSON_BYTES;
  for (;;) {
    const wanted = Math.min(FETCH_ROWS, input.maxRows - rows.length + 1);
    const batch = await client.query({ text: `FETCH ${wanted} FROM automatos_cursor`, rowMode: "array", types: TYPES });
    fields = batch.fields;
    const { kept, bytes, truncated } = keep(batch.rows as unknown[][], input.maxRows - rows.length, room);
    rows.push(...kept);
    room -= bytes;
    if (truncated || batch.rows.length < wanted) return { columns: await describe(client, fields), rows, truncated };
  }
}

function keep(rows: readonly unknown[][], maxRows: number, maxBytes: number) {
  const kept: unknown[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = Buffer.byteLength(JSON.stringify(row));
    if (kept.length === maxRows || bytes + size > maxBytes) return { kept, bytes, truncated: true };
    bytes += size;
    kept.push(row);
  }
  return { kept, bytes, truncated: false };
}

async function describe(client: ClientBase, fields: readonly FieldDef[]): Promise<Rows["columns"]> {
  const oids = fields.map(({ dataTypeID }) => dataTypeID);
  const modifiers = fields.map(({ dataTypeModifier }) => dataTypeModifier);
  const { rows } = await client.query<{ type: string }>(
    `SELECT pg_catalog.format_type(t.oid, t.modifier) AS type
     FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::int[])) WITH ORDINALITY AS t (oid, modifier, n)
     ORDER BY t.n`,
    [oids, modifiers],
  );
  return fields.map(({ name }, index) => ({ name, type: rows[index]?.type ?? "unknown" }));
}
