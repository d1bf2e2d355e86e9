import { z } from "zod";

/** How much harm a tool can do: decides what a workspace's policy says of it. */
export const ToolLevel = z.enum(["safe", "cautious", "dangerous"]);
export type ToolLevel = z.infer<typeof ToolLevel>;

/** What a workspace does with a tool call. `deny` wins over `ask`, `ask` over `allow`. */
export const ToolDecision = z.enum(["allow", "ask", "deny"]);
export type ToolDecision = z.infer<typeof ToolDecision>;

const MAX_PATH_CHARS = 4_096;
/** A path below the workspace, with `/` between its parts. Where it leads is checked when it is opened, not here. */
export const WorkspacePath = z
  .string()
  .min(1)
  .max(MAX_PATH_CHARS)
  .refine((path) => !path.includes("\0"), "holds a NUL byte")
  .refine((path) => !path.startsWith("/"), "must be relative to the workspace")
  .describe("Relative to the workspace, e.g. `repos/shop/src/index.js`.");

/** The tools that run at the worker: their inputs. The implementations are in services/sandbox/tools/. */
export const WorkerToolInputs = {
  list_directory: z.strictObject({
    path: WorkspacePath.default("."),
    recursive: z.boolean().default(false),
    maxEntries: z.int().min(1).max(10_000).default(1_000),
  }),
  read_file: z.strictObject({
    path: WorkspacePath,
    offsetBytes: z.int().min(0).default(0),
    maxBytes: z.int().min(1).max(1_048_576).default(102_400),
  }),
  write_file: z.strictObject({
    path: WorkspacePath,
    content: z.string().max(10_485_760),
    encoding: z.enum(["utf8", "base64"]).default("utf8"),
    createDirectories: z.boolean().default(true),
  }),
  create_directory: z.strictObject({ path: WorkspacePath }),
  execute_command: z
    .strictObject({
      argv: z.array(z.string().max(131_072)).min(1).max(1_000).optional().describe("The program and its arguments."),
      command: z
        .string()
        .min(1)
        .max(131_072)
        .optional()
        .describe(
          "A command line, parsed (quotes, pipes, `&&`, redirections into the workspace), never given to a host shell.",
        ),
      cwd: WorkspacePath.default("."),
      environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(131_072)).default({}),
      timeoutSeconds: z.int().min(1).max(3_600).default(60),
      stdin: z.string().max(1_048_576).optional(),
    })
    .refine((input) => (input.argv === undefined) !== (input.command === undefined), "give either argv or command"),
} as const;

export const WorkerToolName = z.enum([
  "list_directory",
  "read_file",
  "write_file",
  "create_directory",
  "execute_command",
]);
export type WorkerToolName = z.infer<typeof WorkerToolName>;

export const WORKER_TOOL_LEVELS: Readonly<Record<WorkerToolName, ToolLevel>> = {
  list_directory: "safe",
  read_file: "cautious",
  write_file: "cautious",
  create_directory: "cautious",
  execute_command: "dangerous",
};

/** What a workspace lets its agents do: a decision per level, and per tool where it differs. */
export const ToolPolicy = z.strictObject({
  levels: z
    .strictObject({ safe: ToolDecision, cautious: ToolDecision, dangerous: ToolDecision })
    .default({ safe: "allow", cautious: "allow", dangerous: "allow" }),
  tools: z.partialRecord(WorkerToolName, ToolDecision).default({}),
});
export type ToolPolicy = z.infer<typeof ToolPolicy>;

const STRICTNESS: readonly ToolDecision[] = ["allow", "ask", "deny"];

/** The stricter of what the policy says of the tool's level and of the tool itself. */
export function decideTool(policy: ToolPolicy, tool: WorkerToolName): ToolDecision {
  const byLevel = policy.levels[WORKER_TOOL_LEVELS[tool]];
  const byName = policy.tools[tool] ?? "allow";
  return STRICTNESS.indexOf(byName) > STRICTNESS.indexOf(byLevel) ? byName : byLevel;
}

const expectedExitCodes = z
  .array(z.int().min(0).max(255))
  .min(1)
  .default([0])
  .describe("Exit codes that make the step a success; any other fails the step and with it the task.");

/** One scripted tool call of a task. */
export const TaskStep = z.discriminatedUnion("tool", [
  z.strictObject({ tool: z.literal("list_directory"), input: WorkerToolInputs.list_directory }),
  z.strictObject({ tool: z.literal("read_file"), input: WorkerToolInputs.read_file }),
  z.strictObject({ tool: z.literal("write_file"), input: WorkerToolInputs.write_file }),
  z.strictObject({ tool: z.literal("create_directory"), input: WorkerToolInputs.create_directory }),
  z.strictObject({ tool: z.literal("execute_command"), input: WorkerToolInputs.execute_command, expectedExitCodes }),
]);
export type TaskStep = z.infer<typeof TaskStep>;
