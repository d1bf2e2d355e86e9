import { z } from "zod";

/** Whatever JSON can say. */
export type JsonValue = z.core.util.JSONType;

/** The one schema of it, since it refers to itself and so must have a name in the API's document. */
export const Json: z.ZodType = z.json();
