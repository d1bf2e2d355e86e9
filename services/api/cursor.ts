import type { z } from "zod";
import { InvalidCursorError } from "./errors.ts";

/** The place in a list as text that callers hand back without looking into it. */
export const encodeCursor = (place: readonly unknown[]): string =>
  Buffer.from(JSON.stringify(place)).toString("base64url");

/** @throws InvalidCursorError when this API did not make it. */
export function decodeCursor<Place>(schema: z.ZodType<Place>, cursor: string): Place {
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch {
    throw new InvalidCursorError();
  }
}
