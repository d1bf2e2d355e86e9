import { z } from "zod";
import { Json } from "./json.ts";
import { PlanTier } from "./plan.ts";
import { TaskError, TaskResources } from "./task.ts";
import { ToolInputs } from "./tool-inputs.ts";
import { ToolName, ToolPolicy, WorkerToolName } from "./tools.ts";

/** A call is answered while its caller waits; what takes longer is a task. */
export const MAX_CALL_SECONDS = 300;
/** A call outlives the command that it runs by this: the command's own time ends first, and its output is answered. */
export const CALL_SLACK_SECONDS = 5;

const timeoutSeconds = z
  .int()
  .min(1)
  .max(MAX_CALL_SECONDS)
  .default(MAX_CALL_SECONDS)
  .describe("The call is stopped when it takes longer; what takes longer than 300 s is submitted as a task.");

/** What the sandbox of one call may use. */
export const CallResources = TaskResources.omit({ gpu: true, repoClone: true });
export type CallResources = z.infer<typeof CallResources>;

/** A tool call without a task. */
export const ToolCall = z.strictObject({
  input: Json.describe("The tool's input, as docs/reference/tools.md has it."),
  timeoutSeconds,
  resources: CallResources.prefault({}),
});
export type ToolCall = z.infer<typeof ToolCall>;

/** A command without a task: the input of `execute_command`, with the limits of the call beside it. */
export const Exec = z
  .strictObject({
    ...ToolInputs.execute_command.shape,
    timeoutSeconds: z.int().min(1).max(MAX_CALL_SECONDS).default(60).describe("It is killed when it runs longer."),
    resources: CallResources.prefault({}),
  })
  .refine((input) => (input.argv === undefined) !== (input.command === undefined), "give either argv or command");
export type Exec = z.infer<typeof Exec>;

/** `git` without a task, in a repository of the workspace. */
export const GitCall = z.strictObject({
  args: z
    .array(z.string().max(131_072))
    .min(1)
    .max(1_000)
    .describe("What follows `git`, e.g. `clone`, `https://example.com/shop.git`, or `status`, `--porcelain`."),
  repository: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/)
    .optional()
    .describe("Name of the folder below repos/ in which it runs. Default: repos/ itself, as a clone needs it."),
  stdin: z.string().max(1_048_576).optional(),
  timeoutSeconds: z.int().min(1).max(MAX_CALL_SECONDS).default(120).describe("It is killed when it runs longer."),
  resources: CallResources.prefault({}),
});
export type GitCall = z.infer<typeof GitCall>;

/** A file as it was written. */
export const WrittenFile = z.strictObject({ path: z.string(), bytesWritten: z.int().min(0) });
export type WrittenFile = z.infer<typeof WrittenFile>;

/** A directory's entries, as `list_directory` answers them. */
export const FileList = z.strictObject({
  entries: z.array(
    z.strictObject({
      path: z.string(),
      type: z.enum(["file", "directory", "symlink", "other"]),
      sizeBytes: z.number().min(0),
      modifiedAt: z.iso.datetime(),
    }),
  ),
  truncated: z.boolean().describe("Whether there are more than `maxEntries`."),
});
export type FileList = z.infer<typeof FileList>;

/** How a call ended. */
export const ToolCallAnswer = z.strictObject({
  callId: z.uuid().describe("Also the request's id: the logs of API, worker and gateway name the call by it."),
  tool: ToolName,
  ok: z.boolean(),
  output: Json.nullable().describe("What the tool answers."),
  exitCode: z.int().nullable().describe("Of commands alone; null when a signal ended it."),
  error: TaskError.nullable().describe("Why a command that ran is no success: its exit code, a limit, its timeout."),
  durationMs: z.number().min(0),
});
export type ToolCallAnswer = z.infer<typeof ToolCallAnswer>;

/** What happens while a call runs, for callers that ask for a stream; the last one is `result` or `error`. */
export const ToolCallEvent = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("stdout"), text: z.string() }),
  z.strictObject({ type: z.literal("stderr"), text: z.string() }),
  z.strictObject({ type: z.literal("result"), result: ToolCallAnswer }),
  z.strictObject({
    type: z.literal("error"),
    error: TaskError.extend({ status: z.int().describe("The HTTP status that an answer without a stream has.") }),
  }),
]);
export type ToolCallEvent = z.infer<typeof ToolCallEvent>;

/** A call as the API hands it to a worker. */
export const WorkerCall = ToolCall.extend({
  tool: WorkerToolName,
  stream: z.boolean(),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(MAX_CALL_SECONDS + CALL_SLACK_SECONDS),
});
export type WorkerCall = z.infer<typeof WorkerCall>;

/**
 * What the API tells a worker of the workspace that a call is for: signed and short-lived, so that the worker need not
 * ask the record, and cannot be told anything by anybody else.
 */
export const CallGrant = z.strictObject({
  callId: z.uuid(),
  workspaceId: z.uuid(),
  uid: z.int().min(1),
  plan: PlanTier,
  createdAt: z.string(),
  quotaBytes: z.int().min(1),
  maxCalls: z.int().min(1),
  toolPolicy: ToolPolicy,
});
export type CallGrant = z.infer<typeof CallGrant>;
