import type { FastifyInstance } from "fastify";
import { PlatformError } from "../../contracts/errors.ts";
import { findUnstorable } from "../runtime/storable-text.ts";

export class UnstorableTextError extends PlatformError {
  constructor(where: string, path: readonly string[]) {
    super("UNSTORABLE_TEXT", `${[where, ...path].join("/")} holds a NUL character or half of a surrogate pair`, {
      remedy: "Remove it; send what is no text as base64.",
      status: 400,
    });
  }
}

/** Refuses texts that the record cannot keep, where the schema of the route has let them through. */
export function refuseUnstorableText(app: FastifyInstance): void {
  app.addHook("preHandler", async ({ params, query, body }) => {
    for (const [where, value] of Object.entries({ params, querystring: query, body })) {
      const path = findUnstorable(value);
      if (path !== undefined) throw new UnstorableTextError(where, path);
    }
  });
}
