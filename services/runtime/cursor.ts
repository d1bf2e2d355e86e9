import { PlatformError } from "../../contracts/errors.ts";

export class InvalidCursorError extends PlatformError {
  constructor(cursor: string) {
    super("INVALID_CURSOR", `cursor ${JSON.stringify(cursor.slice(0, 100))} is not one that a page ended with`, {
      remedy: "Pass nextCursor of the page before unchanged, or none for the first page.",
      status: 400,
    });
  }
}

/** The last row of a page that is ordered by a time and an id: where the next page begins. */
export interface Cursor {
  /** Microseconds since 1970, as the record keeps times. */
  readonly micros: string;
  readonly id: string;
}

const CURSOR = /^(\d{1,17})_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

export const formatCursor = ({ micros, id }: Cursor): string => `${micros}_${id}`;

/** @throws InvalidCursorError */
export function parseCursor(cursor: string): Cursor {
  const [, micros, id] = CURSOR.exec(cursor) ?? [];
  if (micros === undefined || id === undefined) throw new InvalidCursorError(cursor);
  return { micros, id };
}

/** Rows were asked for with one more than `limit`, to know whether a page follows. */
export function toPage<Row extends Cursor>(
  rows: readonly Row[],
  limit: number,
): { readonly rows: readonly Row[]; readonly nextCursor: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  return { rows: page, nextCursor: rows.length > limit && last !== undefined ? formatCursor(last) : null };
}

/** A row's time as a cursor holds it; `column` is a name in our own SQL. */
export const microsOf = (column: string): string => `(extract(epoch FROM ${column}) * 1e6)::bigint::text`;
/** The time that parameter `$n` holds in microseconds. */
export const timeOf = (parameter: number): string =>
  `('epoch'::timestamptz + $${parameter}::bigint * interval '1 microsecond')`;
