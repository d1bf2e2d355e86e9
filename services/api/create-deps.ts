import type { Registry } from "prom-client";
import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import type { Workspace, WorkspaceUsage } from "../../contracts/workspace.ts";
import type { RunnerMetrics } from "../runner/metrics.ts";
import { listApprovals } from "../runner/pauses/list-approvals.ts";
import { ScheduleStore } from "../runner/schedules/schedule-store.ts";
import { runNow } from "../runner/schedules/scheduler.ts";
import { countTasks } from "../runner/task-queries.ts";
import type { TaskRunner } from "../runner/task-runner.ts";
import type { Workflows } from "../runner/workflows/open-workflows.ts";
import type { Pool } from "../runtime/database.ts";
import type { Logger } from "../runtime/logger.ts";
import { verifyApiTaskToken } from "../runtime/task-token.ts";
import type { ToolService } from "../tools/tool-service.ts";
import { BackupStore } from "../workspace/backup/backup-store.ts";
import { CredentialStore } from "../workspace/credentials/credential-store.ts";
import type { CredentialKeyRing } from "../workspace/credentials/key-ring.ts";
import type { ContentsCaller, WorkspaceContents } from "../workspace/contents/workspace-contents.ts";
import { MoveStore } from "../workspace/move/move-store.ts";
import { readRecord, writeRecord } from "../workspace/move/record-stream.ts";
import { WorkspaceStore } from "../workspace/workspace-store.ts";
import type { ApiDeps } from "./app.ts";
import { PostgresAuditLog } from "./audit-log.ts";
import { measureBackups } from "./backup-metrics.ts";
import { TicketStore } from "./calls/ticket-store.ts";
import { ToolCalls } from "./calls/tool-calls.ts";
import type { CallGrants } from "./calls/call-grants.ts";
import type { WorkerClient } from "./calls/worker-client.ts";
import { DeadLetters } from "./dead-letters.ts";
import { makeChangeEgressRules } from "./egress-rules.ts";
import { readLlmUsage } from "./llm-usage.ts";
import { RecordOperations } from "./operations.ts";
import { PostgresTaskListing } from "./task-listing.ts";
import { PostgresTokenStore } from "./token-store.ts";

/** What a process brings along; all of it is its own to close. */
export interface ApiResources {
  readonly pool: Pool;
  readonly runner: TaskRunner;
  readonly flow: Pick<Workflows, "workflows" | "executions" | "executionEvents">;
  /** What lies on the volumes of workspaces. */
  readonly contents: WorkspaceContents;
  /** Calls of workers, and what is said there of a workspace. */
  readonly workers: WorkerClient;
  readonly grants: CallGrants;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  readonly registry: Registry;
  readonly runnerMetrics: RunnerMetrics;
  /** The tools that run here. */
  readonly tools: ToolService;
  /** Opens and seals the credentials of workspaces. */
  readonly credentialKeys: CredentialKeyRing;
  /** Verifies the tokens of tasks that call them. */
  readonly taskTokenKey: Uint8Array;
  /** Whether backups of workspaces are configured. @default false */
  readonly hasBackups?: boolean;
  readonly log: Logger;
}

/** The API's dependencies on a migrated database and the contents of the workspaces. */
export function createApiDeps(resources: ApiResources): ApiDeps {
  const { pool, runner, contents, planLimits, log, registry, runnerMetrics } = resources;
  const database = pool;
  measureBackups(registry, pool);
  return {
    runner,
    planLimits,
    registry,
    runnerMetrics,
    log,
    tools: resources.tools,
    calls: new ToolCalls(resources),
    tickets: new TicketStore({ database }),
    moves: new MoveStore({ pool }),
    moveRecords: {
      read: (workspaceId) => readRecord(pool, workspaceId),
      write: (at, lines) => writeRecord(pool, at, lines),
    },
    verifyTaskToken: (token) => verifyApiTaskToken(token, resources.taskTokenKey),
    workspaces: new WorkspaceStore({ pool }),
    credentials: new CredentialStore({ pool, keys: resources.credentialKeys }),
    changeEgressRules: makeChangeEgressRules(pool),
    contents,
    tasks: new PostgresTaskListing({ database }),
    tokens: new PostgresTokenStore({ database }),
    audit: new PostgresAuditLog({ database }),
    listApprovals: (filter) => listApprovals(database, filter),
    deadLetters: new DeadLetters({ pool, runner }),
    backups: new BackupStore({ pool, isConfigured: resources.hasBackups ?? false }),
    schedules: new ScheduleStore({ pool }),
    runSchedule: (schedule, request) => runNow({ pool, submit: (task) => runner.submit(task) }, schedule, request),
    workflows: resources.flow.workflows,
    executions: resources.flow.executions,
    executionEvents: resources.flow.executionEvents,
    operations: new RecordOperations({ database }),
    usage: (workspace, caller) => readUsage(workspace, caller, resources),
    llmUsage: ({ workspaceId, plan }) => readLlmUsage(pool, workspaceId, planLimits[plan]),
    readiness: { database: () => pool.query("SELECT") },
  };
}

async function readUsage(
  { workspaceId, plan }: Workspace,
  caller: ContentsCaller,
  { pool, contents, planLimits }: Pick<ApiResources, "pool" | "contents" | "planLimits">,
): Promise<WorkspaceUsage> {
  const [storage, tasks] = await Promise.all([
    contents.readStorage(workspaceId, caller),
    countTasks(pool, workspaceId),
  ]);
  return { workspaceId, ...tasks, ...storage, quotaBytes: planLimits[plan].storageQuotaBytes };
}
