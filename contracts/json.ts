import type { z } from "zod";

/** Whatever JSON can say. */
export type JsonValue = z.core.util.JSONType;
