import { z } from "zod";
import { CredentialName } from "./credential.ts";
import { Json } from "./json.ts";
import { TaskStep } from "./tools.ts";

export const TaskType = z.enum(["workflow_subtask", "chat_agent", "recipe_step", "background_job"]);
export type TaskType = z.infer<typeof TaskType>;

/** From the most urgent to the least. */
export const TaskPriority = z.enum(["critical", "high", "normal", "low"]);
export type TaskPriority = z.infer<typeof TaskPriority>;

export const TaskState = z.enum([
  "pending",
  "queued",
  "scheduled",
  "running",
  "completed",
  "failed",
  "cancelled",
  "timed_out",
]);
export type TaskState = z.infer<typeof TaskState>;

/** Every edge that a task may take. The database holds the same table and refuses any other. */
export const TASK_TRANSITIONS: Readonly<Record<TaskState, readonly TaskState[]>> = {
  pending: ["queued"],
  queued: ["scheduled", "running", "cancelled"],
  scheduled: ["running"],
  running: ["completed", "failed", "cancelled", "timed_out", "queued"],
  completed: [],
  failed: [],
  cancelled: [],
  timed_out: [],
};

export const TERMINAL_STATES = [
  "completed",
  "failed",
  "cancelled",
  "timed_out",
] as const satisfies readonly TaskState[];
export type TerminalState = (typeof TERMINAL_STATES)[number];
export const isTerminal = (state: TaskState): state is TerminalState => TASK_TRANSITIONS[state].length === 0;

export const TaskResources = z.strictObject({
  cpuMillicores: z.int().min(50).max(64_000).default(500),
  memoryMb: z.int().min(32).max(262_144).default(512),
  diskMb: z
    .int()
    .min(1)
    .max(1_048_576)
    .default(1_024)
    .describe(
      "The largest file that a command may write; the plan's quota bounds all files of the workspace together.",
    ),
  gpu: z.boolean().default(false),
  networkAccess: z.boolean().default(true).describe("Whether the sandbox may reach the gateway."),
  repoClone: z.boolean().default(false).describe("Whether `repositories` are made ready before the first step."),
});
export type TaskResources = z.infer<typeof TaskResources>;

/** A repository that a task needs below `repos/<name>/`: cloned on its first use, fetched ever after. */
export const TaskRepository = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe("Fetched through the gateway, so its host must be on the allow-list."),
  name: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/)
    .describe("The folder's name below repos/."),
  ref: z
    .string()
    .regex(/^(?!-)[A-Za-z0-9._/-]{1,200}$/)
    .optional()
    .describe("Branch, tag or commit to check out. Default: the remote's default branch."),
});
export type TaskRepository = z.infer<typeof TaskRepository>;

/** A unit of agent work, as submitted over the API and as read off the queue. */
export const AgentTask = z.strictObject({
  taskId: z.uuid().describe("Chosen by the caller, so that a retried submission is the same task."),
  taskType: TaskType.default("background_job"),
  workspaceId: z.uuid(),
  agentId: z.string().min(1).max(200).default("default"),
  prompt: z
    .string()
    .max(1_000_000)
    .default("")
    .describe("What a model shall do, after the steps where there are any; empty: no model is asked."),
  systemPrompt: z.string().max(1_000_000).optional().describe("Added to what the platform tells the model itself."),
  tools: z.array(z.string().max(100)).max(100).default([]).describe("Tools that the agent may call; empty: none."),
  steps: z.array(TaskStep).max(1_000).default([]).describe("Scripted tool calls, in order, before the model's."),
  model: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$/)
    .optional()
    .describe("The model's name, as the stack's configuration has it. Default: the stack's first."),
  maxSteps: z
    .int()
    .min(1)
    .max(1_000)
    .default(50)
    .describe("Answers that the model may give; the tool calls of one answer are one step."),
  tokenBudget: z
    .int()
    .min(1)
    .max(1_000_000_000)
    .optional()
    .describe("Tokens that the model may read and write for this task. Default: what the workspace has left."),
  repositories: z.array(TaskRepository).max(20).default([]),
  credentials: z
    .array(CredentialName)
    .max(50)
    .default([])
    .describe("Names of the workspace's credentials (env, ssh_key, file) that the task is given; empty: none."),
  context: Json.default({}).describe("JSON that the agent sees."),
  priority: TaskPriority.default("normal"),
  timeoutSeconds: z.int().min(1).max(3_600).default(300),
  maxRetries: z.int().min(0).max(10).default(2).describe("How often a task whose worker was lost is started again."),
  approvalTimeoutSeconds: z
    .int()
    .min(1)
    .max(2_592_000)
    .default(86_400)
    .describe("How long a tool call waits for a person's answer before the task fails; not part of timeoutSeconds."),
  notBefore: z.iso.datetime({ offset: true }).optional().describe("It starts at this time or later, never before."),
  resources: TaskResources.prefault({}),
  parentExecutionId: z.uuid().optional(),
  correlationId: z.string().min(1).max(200).optional(),
  createdAt: z.iso.datetime({ offset: true }).optional(),
});
export type AgentTask = z.infer<typeof AgentTask>;
/** A task as callers write it: defaults not applied. */
export type AgentTaskInput = z.input<typeof AgentTask>;

/** What went wrong, for the person who must do something about it. */
export const TaskError = z.strictObject({
  code: z.string(),
  message: z.string(),
  remedy: z.string(),
});
export type TaskError = z.infer<typeof TaskError>;

export const StepResult = z.strictObject({
  index: z.int().min(0),
  tool: z.string(),
  ok: z.boolean(),
  exitCode: z.int().nullable().describe("Only of commands; null when a signal ended it."),
  output: Json.describe("What the tool answered; a command's stdout is cut at 100 KB, its stderr at 50 KB."),
  error: TaskError.nullable(),
  durationMs: z.number().min(0),
});
export type StepResult = z.infer<typeof StepResult>;

export const TaskResult = z.strictObject({
  taskId: z.uuid(),
  status: TaskState.extract([...TERMINAL_STATES]),
  result: Json.nullable(),
  error: TaskError.nullable(),
  steps: z.array(StepResult),
  tokensUsed: z.int().min(0),
  executionTimeMs: z
    .number()
    .min(0)
    .describe(
      "How long it ran: the attempt that ended it, and those before that paused for an answer; 0 if it never started.",
    ),
  startedAt: z.iso.datetime({ offset: true }).nullable(),
  completedAt: z.iso.datetime({ offset: true }),
});
export type TaskResult = z.infer<typeof TaskResult>;

/** Why a task has not started. */
export const TaskWait = z.strictObject({
  reason: z
    .enum(["approval", "delayed", "workspace_limit", "no_worker", "turn", "worker"])
    .describe(
      "approval: a person must answer its question first. delayed: its time has not come. workspace_limit: as many tasks of the workspace run as its plan allows. no_worker: no worker that takes this " +
        "priority is heard of. turn: all workers are busy, others come first. worker: admitted, for the next free worker.",
    ),
  message: z.string().describe("The same with its numbers, for a person."),
  place: z.int().min(1).describe("Among the waiting tasks of its workspace and priority; 1 is the next."),
});
export type TaskWait = z.infer<typeof TaskWait>;

/** Where a task stands. */
export const TaskStatus = z.strictObject({
  taskId: z.uuid(),
  workspaceId: z.uuid(),
  taskType: TaskType,
  priority: TaskPriority,
  status: TaskState,
  attempt: z.int().min(0).describe("How often it was started."),
  maxRetries: z.int().min(0),
  cancelRequested: z.boolean(),
  submittedAt: z.iso.datetime({ offset: true }),
  startedAt: z.iso.datetime({ offset: true }).nullable(),
  completedAt: z.iso.datetime({ offset: true }).nullable(),
  error: TaskError.nullable(),
  retryOf: z.uuid().nullable().describe("The task that this one repeats, if it was made by a retry."),
  correlationId: z.string().nullable(),
});
export type TaskStatus = z.infer<typeof TaskStatus>;
