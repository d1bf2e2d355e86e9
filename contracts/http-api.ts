import { z } from "zod";
import { PlanLimits, PlanTier } from "./plan.ts";
import { AgentTask, TaskPriority, TaskState, TaskStatus, TaskType, TaskWait } from "./task.ts";
import { ToolName, ToolPolicy, WorkspaceTool } from "./tools.ts";
import { Artifact, CachedRepository, EgressRule, Workspace } from "./workspace.ts";

/** What the API takes and answers (v1), where it is not a word of its own in contracts/. The CLI reads the same. */

const instant = z.iso.datetime({ offset: true });

/** One entry of a request that was refused for its form. */
export const ProblemIssue = z.strictObject({
  in: z.enum(["body", "querystring", "params", "headers"]),
  path: z.string().describe("Where, e.g. `/steps/0/input/path`; `/` for the whole."),
  message: z.string(),
});
export type ProblemIssue = z.infer<typeof ProblemIssue>;

/** Every error of the API: RFC 9457 problem details, as `application/problem+json`. */
export const Problem = z.strictObject({
  type: z.string().describe("`urn:automatos:problem:<code>`."),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().describe("What happened, with its values."),
  instance: z.string().describe("The path that was asked for."),
  code: z.string().describe("Stable: made to be compared with."),
  remedy: z.string().describe("The next step."),
  requestId: z.string().describe("Also in the header `x-request-id` and in the logs."),
  issues: z.array(ProblemIssue).optional().describe("Every mistake in the request, when its form was refused."),
});
export type Problem = z.infer<typeof Problem>;

/** The longest that `GET /api/tasks/{taskId}/result?wait=` waits, in seconds. */
export const MAX_WAIT_SECONDS = 60;
const DEFAULT_PAGE = 50;
const MAX_PAGE = 500;

/** `a,b`, or the parameter more than once. */
export function anyOf<Words extends Readonly<Record<string, string>>>(words: z.ZodEnum<Words>) {
  const one = words.options.join("|");
  // Documented as a pattern, refused by the enum, whose message names the words.
  const some = z.string().meta({ pattern: `^(${one})(,(${one}))*$` });
  return z
    .union([some, z.array(some)])
    .transform((value) => [value].flat().flatMap((part) => part.split(",")))
    .pipe(z.array<z.ZodType<Words[keyof Words], string>>(words as never));
}

/** Of every list that comes in pages. */
export const page = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(DEFAULT_PAGE).describe("Entries per page."),
  cursor: z.string().max(500).optional().describe("`nextCursor` of the page before."),
};
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({
    items: z.array(item),
    nextCursor: z.string().nullable().describe("Give it as `cursor` for the next page; null on the last."),
  });

// ── Tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A task as it is submitted: an id is made where none is given, and a workspace token names its workspace by itself. */
export const TaskSubmission = AgentTask.extend({
  taskId: z.uuid().toLowerCase().optional().describe("Given again with the same contents, it is the same task."),
  workspaceId: z.uuid().toLowerCase().optional().describe("Default: the token's workspace."),
  // The record keeps whatever tools there were when a task was submitted.
  tools: z.array(ToolName).max(100).default([]).describe("Tools that the task's model may call; empty: none."),
});
export type TaskSubmission = z.output<typeof TaskSubmission>;
export type TaskSubmissionInput = z.input<typeof TaskSubmission>;

export const TaskListQuery = z.strictObject({
  ...page,
  workspaceId: z.uuid().toLowerCase().optional().describe("Default: the token's workspace; with an admin token, all."),
  status: anyOf(TaskState).optional(),
  priority: anyOf(TaskPriority).optional(),
  taskType: anyOf(TaskType).optional(),
  correlationId: z.string().min(1).max(200).optional(),
  parentExecutionId: z.uuid().toLowerCase().optional().describe("Tasks of this execution of a workflow."),
  submittedAfter: instant.optional().describe("Submitted at this instant or later."),
  submittedBefore: instant.optional().describe("Submitted before this instant."),
});
export type TaskListQuery = z.output<typeof TaskListQuery>;

/** The newest first. */
export const TaskList = pageOf(TaskStatus);
export type TaskList = z.infer<typeof TaskList>;

/** Where a task stands, and what was submitted. */
export const TaskDetails = TaskStatus.extend({
  task: AgentTask,
  waiting: TaskWait.nullable().describe("Why it has not started; null unless it is queued."),
});
export type TaskDetails = z.infer<typeof TaskDetails>;

export const TaskCancellation = z.strictObject({
  accepted: z.boolean().describe("False when the task had already ended."),
  task: TaskStatus,
});
export type TaskCancellation = z.infer<typeof TaskCancellation>;

export const TaskRetryRequest = z.strictObject({
  newTaskId: z
    .uuid()
    .toLowerCase()
    .optional()
    .describe("Id of the new task; given again, the same retry is meant. Default: made."),
});

/** A piece of a task's log: what a person would have seen on a terminal. */
export const LogEntry = z.strictObject({
  sequence: z.int().min(1).describe("Of the event that it comes from."),
  at: instant,
  stream: z.enum(["stdout", "stderr", "system"]),
  text: z.string(),
});
export type LogEntry = z.infer<typeof LogEntry>;

// ── Workspaces ───────────────────────────────────────────────────────────────────────────────────────────────────────

export const WorkspaceCreation = z.strictObject({
  workspaceId: z
    .uuid()
    .toLowerCase()
    .optional()
    .describe("Given again with the same contents, it is the same workspace."),
  name: Workspace.shape.name,
  plan: PlanTier.default("starter"),
  egressRules: Workspace.shape.egressRules.default([]),
  toolPolicy: ToolPolicy.prefault({}),
});
export type WorkspaceCreation = z.output<typeof WorkspaceCreation>;

export const PageQuery = z.strictObject(page);
export const WorkspaceList = pageOf(Workspace);
export type WorkspaceList = z.infer<typeof WorkspaceList>;

export const WorkspacePlan = z.strictObject({ plan: PlanTier, limits: PlanLimits });
export type WorkspacePlan = z.infer<typeof WorkspacePlan>;
export const WorkspacePlanChange = z.strictObject({ plan: PlanTier });

const rules = Workspace.shape.egressRules;
export const EgressRules = z.strictObject({ rules: rules.describe("Beside the stack's defaults.") });
export type EgressRules = z.infer<typeof EgressRules>;
/** Removes, then adds; both are no-ops where there is nothing to do. */
export const EgressRulesChange = z.strictObject({
  add: z.array(EgressRule).max(1_000).default([]),
  remove: z.array(EgressRule).max(1_000).default([]),
});

export const WorkspaceTools = z.strictObject({
  policy: ToolPolicy,
  tools: z.array(WorkspaceTool).describe("Every tool, and what the policy makes of it."),
});
export type WorkspaceTools = z.infer<typeof WorkspaceTools>;

export const RepositoryList = z.strictObject({ items: z.array(CachedRepository) });
export type RepositoryList = z.infer<typeof RepositoryList>;
export const ArtifactList = z.strictObject({ items: z.array(Artifact) });
export type ArtifactList = z.infer<typeof ArtifactList>;

// ── Tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────────

export const TokenCreation = z.strictObject({
  name: z.string().min(1).max(200).describe("Who or what uses it; shown in lists and in the audit log."),
  expiresAt: instant.optional().describe("Default: valid until it is revoked."),
  mayApprove: z
    .boolean()
    .default(false)
    .describe("Whether its holder may answer what tasks of the workspace ask; an admin token always may."),
});
export type TokenCreation = z.output<typeof TokenCreation>;

export const ApiToken = z.strictObject({
  tokenId: z.uuid(),
  name: z.string(),
  workspaceId: z.uuid().nullable().describe("Null: an admin token."),
  mayApprove: z.boolean().describe("Whether its holder may answer what tasks ask."),
  createdAt: instant,
  expiresAt: instant.nullable(),
  revokedAt: instant.nullable(),
});
export type ApiToken = z.infer<typeof ApiToken>;

export const CreatedToken = ApiToken.extend({
  token: z.string().describe("Shown this once: only its hash is kept."),
});
export type CreatedToken = z.infer<typeof CreatedToken>;
export const TokenList = z.strictObject({ items: z.array(ApiToken) });
export type TokenList = z.infer<typeof TokenList>;

/** Whom the given token speaks for. */
export const Caller = z.strictObject({
  kind: z.enum(["admin", "workspace"]),
  name: z.string(),
  tokenId: z.uuid().nullable().describe("Null: the token of the stack's configuration."),
  workspaceId: z.uuid().nullable(),
  mayApprove: z.boolean().describe("Whether it may answer what tasks ask."),
});
export type Caller = z.infer<typeof Caller>;

// ── Administration ───────────────────────────────────────────────────────────────────────────────────────────────────

export const WorkerInfo = z.strictObject({
  workerId: z.string(),
  hostname: z.string(),
  pid: z.int(),
  healthUrl: z.string().nullable(),
  concurrency: z.int().min(0).describe("Tasks that it runs at once."),
  priorities: z.array(TaskPriority).describe("Whose queues it takes tasks from."),
  activeTasks: z.int().min(0),
  startedAt: instant,
  heartbeatAt: instant,
  heartbeatAgeSeconds: z.number(),
  alive: z.boolean().describe("Whether it was heard of within the time of its lease."),
});
export type WorkerInfo = z.infer<typeof WorkerInfo>;
export const WorkerHealth = WorkerInfo.extend({
  readiness: z
    .enum(["ready", "not_ready", "unreachable", "unknown"])
    .describe("What its health port answers now; `unknown` where it has told of none."),
});
export type WorkerHealth = z.infer<typeof WorkerHealth>;
export const WorkerList = z.strictObject({ items: z.array(WorkerInfo) });
export type WorkerList = z.infer<typeof WorkerList>;

export const QueueDepth = z.strictObject({
  queue: z.string(),
  priority: TaskPriority,
  waiting: z.int().min(0).describe("Submitted, not admitted yet."),
  admitted: z.int().min(0).describe("Admitted, not started yet."),
  running: z.int().min(0),
  oldestWaitingSeconds: z.number().min(0).describe("0 when none waits."),
});
export type QueueDepth = z.infer<typeof QueueDepth>;
export const QueueList = z.strictObject({ items: z.array(QueueDepth), deadLetters: z.int().min(0) });
export type QueueList = z.infer<typeof QueueList>;

/** Tasks that failed for good and that nobody has dropped; the newest first. */
export const DeadLetterList = pageOf(TaskStatus);

export const AuditQuery = z.strictObject({
  ...page,
  workspaceId: z.uuid().optional(),
  action: z.string().max(100).optional(),
});
export type AuditQuery = z.output<typeof AuditQuery>;

export const AuditEntry = z.strictObject({
  entryId: z.string(),
  at: instant,
  actor: z.string().describe("`admin:<name>`, `workspace:<id>:<name>` or `task:<id>:<agent>`."),
  action: z.string().describe("e.g. `task.submit`."),
  target: z.string().describe("Path of the object; of a tool call its summary, as `execute_command: npm test`."),
  workspaceId: z.uuid().nullable(),
  outcome: z
    .string()
    .describe("`ok`, the code of the error, or `started` of a tool call whose end is not in the record."),
  requestId: z.string(),
  suppressed: z
    .int()
    .min(0)
    .describe("Refusals of the same actor, action and code since their last row that have none: one a minute has."),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
export const AuditList = pageOf(AuditEntry);

// ── The service itself ───────────────────────────────────────────────────────────────────────────────────────────────

export const Health = z.strictObject({ status: z.literal("ok") });
export const Readiness = z.strictObject({
  status: z.enum(["ready", "not_ready"]),
  checks: z.record(z.string(), z.enum(["ok", "failed"])),
});

/** What the stack's services are: for `automatos version` and for support. */
export const ApiVersion = z.strictObject({ name: z.literal("automatos"), version: z.string() });
export type ApiVersion = z.infer<typeof ApiVersion>;
