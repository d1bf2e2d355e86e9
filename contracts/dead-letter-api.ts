import { z } from "zod";
import { page } from "./http-api.ts";
import { TaskError } from "./task.ts";

/** What the API takes and answers about tasks that failed for good. */

const filter = {
  workspaceId: z.uuid().toLowerCase().optional().describe("Of this workspace alone. Default: of all."),
};

export const DeadLetterQuery = z.strictObject({ ...page, ...filter });
export type DeadLetterQuery = z.output<typeof DeadLetterQuery>;

/** Which of the dead letters are meant; nothing given: all of them. */
export const DeadLetterSelection = z.strictObject({
  ...filter,
  errorCode: z.string().min(1).max(100).optional().describe("That failed with this code, e.g. `WORKER_LOST`."),
  failedBefore: z.iso.datetime({ offset: true }).optional().describe("That failed before this instant."),
});
export type DeadLetterSelection = z.output<typeof DeadLetterSelection>;

export const DeadLetterRetries = z.strictObject({
  items: z.array(
    z.strictObject({
      taskId: z.uuid(),
      newTaskId: z.uuid().nullable().describe("Null: refused, and still on the list."),
      error: TaskError.nullable(),
    }),
  ),
  remaining: z.int().min(0).describe("Selected, and still on the list: ask again for those that were not refused."),
});
export type DeadLetterRetries = z.infer<typeof DeadLetterRetries>;

export const DeadLettersDropped = z.strictObject({ dropped: z.int().min(0) });
