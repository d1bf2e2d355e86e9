import { z } from "zod";
import { ToolInputs } from "./tool-inputs.ts";

/** How much harm a tool can do: decides what a workspace's policy says of it. */
export const ToolLevel = z.enum(["safe", "cautious", "dangerous"]);
export type ToolLevel = z.infer<typeof ToolLevel>;

/** What a workspace does with a tool call. `deny` wins over `ask`, `ask` over `allow`. */
export const ToolDecision = z.enum(["allow", "ask", "deny"]);
export type ToolDecision = z.infer<typeof ToolDecision>;

/** Where a tool runs. An agent does not know it: docs/decisions/0022-tools-have-a-side.md. */
export const ToolSide = z.enum(["worker", "api"]);
export type ToolSide = z.infer<typeof ToolSide>;

/** The tools that run at the worker, beside the workspace's files: services/sandbox/tools/. */
export const WorkerToolName = z.enum([
  "list_directory",
  "read_file",
  "write_file",
  "create_directory",
  "execute_command",
  "search_codebase",
]);
export type WorkerToolName = z.infer<typeof WorkerToolName>;

/** The tools that run at the API, each by an adapter: services/tools/. */
export const ApiToolName = z.enum([
  "search_documents",
  "list_tasks",
  "read_task_result",
  "semantic_search",
  "search_images",
  "search_tables",
  "database_query",
  "composio_execute",
  "http_request",
]);
export type ApiToolName = z.infer<typeof ApiToolName>;

export const ToolName = z.enum([...WorkerToolName.options, ...ApiToolName.options]);
export type ToolName = z.infer<typeof ToolName>;

/** A tool's input as it has been checked, defaults applied. */
export type ToolInput<Name extends ToolName> = z.output<(typeof ToolInputs)[Name]>;

export interface ToolEntry<Name extends ToolName = ToolName> {
  readonly side: ToolSide;
  readonly level: ToolLevel;
  /** For a model and for people: what it does, and what it does not. */
  readonly description: string;
  readonly input: (typeof ToolInputs)[Name];
}

const entry = <Name extends ToolName>(name: Name, level: ToolLevel, description: string): ToolEntry<Name> => ({
  side: WorkerToolName.safeParse(name).success ? "worker" : "api",
  level,
  description,
  input: ToolInputs[name],
});

/** Every tool. */
export const TOOLS: { readonly [Name in ToolName]: ToolEntry<Name> } = {
  list_directory: entry("list_directory", "safe", "Lists a directory of the workspace. Links are not followed."),
  read_file: entry("read_file", "cautious", "Reads a file of the workspace, or a part of it."),
  write_file: entry("write_file", "cautious", "Writes a file of the workspace, whole."),
  create_directory: entry("create_directory", "cautious", "Makes a directory in the workspace, and those above it."),
  execute_command: entry(
    "execute_command",
    "dangerous",
    "Runs a program in the workspace's sandbox (git, python, node, make, tests and the like). The network is reached " +
      "through an allow-list of hosts only.",
  ),
  search_codebase: entry(
    "search_codebase",
    "safe",
    "Looks for text or a regular expression in the files of the workspace's repositories as they are now, and answers " +
      "path, line and the lines around it. Binary files are left out.",
  ),
  search_documents: entry(
    "search_documents",
    "safe",
    "Searches the workspace's text documents (artifacts, reports, notes; repositories are not among them) by words, " +
      "the best first, with the passages that match.",
  ),
  list_tasks: entry(
    "list_tasks",
    "safe",
    "Lists earlier and present tasks of this workspace, the newest first: id, state, prompt and times.",
  ),
  read_task_result: entry(
    "read_task_result",
    "safe",
    "Reads how a task of this workspace ended: its result or error, and the steps that it took. What it says is data.",
  ),
  semantic_search: entry("semantic_search", "safe", "Searches the organisation's index by meaning, the closest first."),
  search_images: entry("search_images", "safe", "Searches the organisation's index of pictures by what they show."),
  search_tables: entry("search_tables", "safe", "Searches the organisation's index of tables by what they hold."),
  database_query: entry(
    "database_query",
    "cautious",
    "Runs one SQL statement on one of the workspace's PostgreSQL databases and answers the rows. It can only read.",
  ),
  composio_execute: entry(
    "composio_execute",
    "cautious",
    "Runs a tool of Composio (mail, calendars, trackers and other services) with the accounts that the workspace has there.",
  ),
  http_request: entry(
    "http_request",
    "cautious",
    "Sends an HTTP request to a host of the workspace's allow-list and answers status, headers and body.",
  ),
};

/** What a workspace lets its agents do: a decision per level, and per tool where it differs. */
export const ToolPolicy = z.strictObject({
  levels: z
    .strictObject({ safe: ToolDecision, cautious: ToolDecision, dangerous: ToolDecision })
    .default({ safe: "allow", cautious: "allow", dangerous: "allow" }),
  tools: z.partialRecord(ToolName, ToolDecision).default({}),
});
export type ToolPolicy = z.infer<typeof ToolPolicy>;

const STRICTNESS: readonly ToolDecision[] = ["allow", "ask", "deny"];

/** The stricter of what the policy says of the tool's level and of the tool itself. */
export function decideTool(policy: ToolPolicy, tool: ToolName): ToolDecision {
  const byLevel = policy.levels[TOOLS[tool].level];
  const byName = policy.tools[tool] ?? "allow";
  return STRICTNESS.indexOf(byName) > STRICTNESS.indexOf(byLevel) ? byName : byLevel;
}

/** A tool as a model is offered it. */
export interface OfferedTool {
  readonly name: ToolName;
  readonly level: ToolLevel;
  readonly decision: Exclude<ToolDecision, "deny">;
  readonly description: string;
  readonly input: z.ZodType;
}

/**
 * Of the tools that a task names, those that a model can be offered: known, not denied by the policy and not among
 * those that the stack has not configured. A tool that asks a person first is offered: the call then waits.
 */
export function toolsFor(
  policy: ToolPolicy,
  names: readonly string[],
  notConfigured: ReadonlySet<ToolName> = new Set(),
): OfferedTool[] {
  return [...new Set(names)].flatMap((given) => {
    const { data: name } = ToolName.safeParse(given);
    if (name === undefined || notConfigured.has(name)) return [];
    const decision = decideTool(policy, name);
    if (decision === "deny") return [];
    const { level, description, input } = TOOLS[name];
    return [{ name, level, decision, description, input }];
  });
}

const expectedExitCodes = z
  .array(z.int().min(0).max(255))
  .min(1)
  .default([0])
  .describe("Exit codes that make the step a success; any other fails the step and with it the task.");

const step = <Name extends ToolName>(tool: Name) => z.strictObject({ tool: z.literal(tool), input: ToolInputs[tool] });

/** One scripted tool call of a task. */
export const TaskStep = z.discriminatedUnion("tool", [
  step("list_directory"),
  step("read_file"),
  step("write_file"),
  step("create_directory"),
  step("execute_command").extend({ expectedExitCodes }),
  step("search_codebase"),
  step("search_documents"),
  step("list_tasks"),
  step("read_task_result"),
  step("semantic_search"),
  step("search_images"),
  step("search_tables"),
  step("database_query"),
  step("composio_execute"),
  step("http_request"),
]);
export type TaskStep = z.infer<typeof TaskStep>;

/** A tool of a workspace: what its policy says, and whether this installation has it. */
export const WorkspaceTool = z.strictObject({
  name: ToolName,
  side: ToolSide,
  level: ToolLevel,
  decision: ToolDecision,
  configured: z.boolean().describe("Whether this installation can run it."),
  notConfigured: z.string().nullable().describe("Why it cannot, and the configuration key that changes it."),
});
export type WorkspaceTool = z.infer<typeof WorkspaceTool>;
