import { randomUUID } from "node:crypto";
import * as api from "../../contracts/http-api.ts";
import { ToolDecision, ToolLevel, ToolName, type ToolPolicy } from "../../contracts/tools.ts";
import { Workspace, WorkspaceUsage } from "../../contracts/workspace.ts";
import { checkedId, Context, splitWorkspace, type GlobalOptions } from "../context.ts";
import { UsageError } from "../errors.ts";
import { EXIT } from "../exit-codes.ts";
import { localTime, size } from "../output/format.ts";
import { forTerminal } from "../output/style.ts";
import { fields, table } from "../output/table.ts";

export interface WorkspaceCreateOptions extends GlobalOptions {
  readonly id?: string;
  readonly plan?: string;
  readonly egress?: readonly string[];
}

export async function workspaceCreate(name: string, options: WorkspaceCreateOptions): Promise<number> {
  const context = await Context.create(options);
  const workspaceId = options.id === undefined ? randomUUID() : checkedId("workspace", options.id);
  const body = { workspaceId, name, plan: options.plan, egressRules: options.egress };
  const workspace = await context.client.call("POST", "/api/workspaces", Workspace, { body, repeatable: true });
  context.answer(workspace, () => workspace.workspaceId);
  return EXIT.ok;
}

export interface PageOptions extends GlobalOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

export async function workspaceList(options: PageOptions): Promise<number> {
  const context = await Context.create(options);
  const query = { limit: options.limit, cursor: options.cursor };
  const list = await context.client.call("GET", "/api/workspaces", api.WorkspaceList, { query });
  context.answer(list, () => {
    if (list.items.length === 0) return "no workspaces";
    const rows = list.items.map(({ workspaceId, name, plan, createdAt }) => [
      workspaceId,
      forTerminal(name, false),
      plan,
      localTime(createdAt),
    ]);
    return table(["WORKSPACE", "NAME", "PLAN", "CREATED"], rows);
  });
  if (!context.json && list.nextCursor !== null) context.note(`More: add --cursor ${list.nextCursor}`);
  return EXIT.ok;
}

export async function workspaceShow(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(named, options);
  const workspace = await context.client.call("GET", path, Workspace);
  context.answer(workspace, () =>
    fields([
      ["workspace", workspace.workspaceId],
      ["name", forTerminal(workspace.name, false)],
      ["plan", workspace.plan],
      ["created", localTime(workspace.createdAt)],
      ["egress", workspace.egressRules.join(", ") || "the stack's defaults only"],
      ["tools", levelsOf(workspace.toolPolicy)],
    ]),
  );
  return EXIT.ok;
}

export async function workspaceUsage(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(named, options);
  const usage = await context.client.call("GET", `${path}/usage`, WorkspaceUsage);
  context.answer(usage, () => describeUsage(context, usage));
  return EXIT.ok;
}

function describeUsage({ style }: Context, usage: WorkspaceUsage): string {
  const share = usage.quotaBytes === 0 ? 1 : usage.usedBytes / usage.quotaBytes;
  const percent = `${Math.round(share * 100)} %`;
  return fields([
    ["workspace", usage.workspaceId],
    [
      "storage",
      `${size(usage.usedBytes)} of ${size(usage.quotaBytes)} (${share >= 0.8 ? style.red(percent) : percent})`,
    ],
    ["running", `${usage.runningTasks} tasks`],
    ["queued", `${usage.queuedTasks} tasks`],
    ["measured", localTime(usage.measuredAt)],
  ]);
}

export async function workspacePlan(args: readonly string[], options: GlobalOptions): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  const { context, path } = await open(named, options);
  const [plan] = rest;
  const answer =
    plan === undefined
      ? await context.client.call("GET", `${path}/plan`, api.WorkspacePlan)
      : await context.client.call("PUT", `${path}/plan`, api.WorkspacePlan, { body: { plan } });
  const { limits } = answer;
  context.answer(answer, () =>
    fields([
      ["plan", answer.plan],
      ["running tasks", `at most ${limits.maxRunningTasks}`],
      ["waiting tasks", `at most ${limits.maxQueuedTasks}`],
      ["submissions", `at most ${limits.submissionsPerMinute} a minute`],
      ["storage", `at most ${size(limits.storageQuotaBytes)}`],
      ["timeout", `at most ${limits.maxTimeoutSeconds} s`],
      ["memory", `at most ${limits.maxMemoryMb} MB a task`],
      ["CPU", `at most ${limits.maxCpuMillicores} millicores a task`],
      ["tokens", tokensOf(limits)],
    ]),
  );
  return EXIT.ok;
}

function tokensOf({ tokensPerDay, tokensPerMonth }: api.WorkspacePlan["limits"]): string {
  const bounds = [
    ...(tokensPerDay === null ? [] : [`${tokensPerDay} a day`]),
    ...(tokensPerMonth === null ? [] : [`${tokensPerMonth} a month`]),
  ];
  return bounds.length === 0 ? "no limit" : `at most ${bounds.join(", ")}`;
}

export async function egressList(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(named, options);
  showRules(context, await context.client.call("GET", `${path}/egress`, api.EgressRules));
  return EXIT.ok;
}

export async function egressChange(
  verb: "add" | "remove",
  args: readonly string[],
  options: GlobalOptions,
): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  if (rest.length === 0) throw new UsageError("no rule is given", "Give host, host:port or *.suffix.");
  const { context, path } = await open(named, options);
  const request = { body: { [verb]: rest }, repeatable: true };
  showRules(context, await context.client.call("PATCH", `${path}/egress`, api.EgressRules, request));
  return EXIT.ok;
}

const showRules = (context: Context, rules: api.EgressRules): void =>
  context.answer(rules, () => rules.rules.join("\n") || "no rules beside the stack's defaults");

export async function toolsShow(named: string | undefined, options: GlobalOptions): Promise<number> {
  const { context, path } = await open(named, options);
  showTools(context, await context.client.call("GET", `${path}/tools`, api.WorkspaceTools));
  return EXIT.ok;
}

/** `safe=allow execute_command=deny`: changes what is named, and keeps the rest. */
export async function toolsSet(args: readonly string[], options: GlobalOptions): Promise<number> {
  const { named, rest } = splitWorkspace(args);
  const { context, path } = await open(named, options);
  const { policy } = await context.client.call("GET", `${path}/tools`, api.WorkspaceTools);
  const body = rest.reduce(withDecision, policy);
  showTools(context, await context.client.call("PUT", `${path}/tools`, api.WorkspaceTools, { body }));
  return EXIT.ok;
}

function withDecision(policy: ToolPolicy, assignment: string): ToolPolicy {
  const [name, value] = assignment.split("=");
  const decision = ToolDecision.safeParse(value);
  const level = ToolLevel.safeParse(name);
  const tool = ToolName.safeParse(name);
  if (decision.success && level.success)
    return { ...policy, levels: { ...policy.levels, [level.data]: decision.data } };
  if (decision.success && tool.success) return { ...policy, tools: { ...policy.tools, [tool.data]: decision.data } };
  const names = [...ToolLevel.options, ...ToolName.options].join(", ");
  throw new UsageError(
    `${assignment} is no decision`,
    `Write <name>=${ToolDecision.options.join("|")}, where <name> is one of ${names}.`,
  );
}

const levelsOf = ({ levels }: ToolPolicy): string =>
  ToolLevel.options.map((level) => `${level} ${levels[level]}`).join(", ");

function showTools(context: Context, { policy, tools }: api.WorkspaceTools): void {
  context.answer({ policy, tools }, () =>
    table(
      ["TOOL", "LEVEL", "DECISION", ""],
      tools.map(({ name, level, decision, configured }) => [name, level, decision, configured ? "" : "not configured"]),
    ),
  );
}

/** The context of a command on one workspace, and the workspace's path. */
export async function open(
  named: string | undefined,
  options: GlobalOptions,
): Promise<{ context: Context; path: string }> {
  const context = await Context.create(options);
  return { context, path: `/api/workspaces/${await context.workspaceId(named)}` };
}
