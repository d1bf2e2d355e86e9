import { z } from "zod";
import { Problem } from "../../../contracts/http-api.ts";

export const taskParams = z.strictObject({ taskId: z.uuid().toLowerCase() });
export const workspaceParams = z.strictObject({ workspaceId: z.uuid().toLowerCase() });

export const problem = {
  description: "A problem document.",
  content: { "application/problem+json": { schema: Problem } },
};
type Status = 400 | 401 | 403 | 404 | 409 | 413 | 415 | 416 | 422 | 426 | 429 | 500 | 501 | 502 | 503 | 504 | 507;

/** The problems that a route answers with, beside those that every route with a token may: 401, 431, 500 and 503. */
export const problems = (...statuses: Status[]): Record<number, typeof problem> =>
  Object.fromEntries([...statuses, 401, 431, 500, 503].map((status) => [status, problem]));
