import { PlatformError } from "../../contracts/errors.ts";
import type { PlanLimits, PlanTier } from "../../contracts/plan.ts";
import type { AgentTask } from "../../contracts/task.ts";
import { checkRunnable } from "../runner/submission.ts";
import type { ExecuteTask, StopReason, TaskExecution, TaskOutcome } from "../runner/task-runner.ts";
import { Redactor } from "../runtime/redaction/redactor.ts";
import { signApiTaskToken, signTaskToken } from "../runtime/task-token.ts";
import type { Sandbox, SandboxProfile } from "../sandbox/sandbox.ts";
import { ApiToolsClient } from "../tools/api-tools-client.ts";
import type { CredentialReader } from "../workspace/credentials/credential-reader.ts";
import { gitThroughGateway } from "../workspace/git-credential-hosts.ts";
import type { Repositories } from "../workspace/repositories.ts";
import { nearlyUsedWarning } from "../workspace/usage/admit-by-quota.ts";
import type { UsageMeter } from "../workspace/usage/usage-meter.ts";
import type { WorkspaceStore } from "../workspace/workspace-store.ts";
import type { TaskFolder, WorkspaceVolume } from "../workspace/workspace-volume.ts";
import { giveCredentials } from "./give-credentials.ts";
import type { QuotaGuard } from "./quota-guard.ts";
import { QuotaSandbox } from "./quota-sandbox.ts";
import { redactExecution, redactOutcome } from "./redacted-execution.ts";
import { RedactingSandbox } from "./redacting-sandbox.ts";
import { runTask } from "./run-task.ts";
import { gitEnvironment, sandboxLimits, TOKEN_SLACK_SECONDS } from "./sandbox-profile.ts";

export interface ExecuteTaskDeps {
  readonly workspaces: Pick<WorkspaceStore, "get" | "uid">;
  readonly volume: WorkspaceVolume;
  readonly repositories: Repositories;
  readonly credentials: Pick<CredentialReader, "forTask">;
  readonly usage: Pick<UsageMeter, "refreshInBackground">;
  readonly guard: Pick<QuotaGuard, "admit" | "watch">;
  readonly sandbox: Sandbox;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  /** Unix socket of the gateway, and the key that signs what names a task there. */
  readonly gateway: {
    readonly socketPath: string;
    readonly tokenKey: Uint8Array;
    /** Whether it serves language models. */
    readonly hasModels: boolean;
  };
  /** Where the API is; undefined: the tools that run there are not configured for tasks. */
  readonly apiUrl: string | undefined;
  /** Hosts whose git repositories the gateway fetches with a credential of the workspace's. */
  readonly gitHosts: (workspaceId: string) => Promise<readonly string[]>;
  /** What every command sees beside what the sandbox itself sets, e.g. the package indexes. */
  readonly environment: Readonly<Record<string, string>>;
}

export class GpuUnavailableError extends PlatformError {
  constructor(taskId: string) {
    super("GPU_UNAVAILABLE", `task ${taskId} asks for a GPU, and this worker has none`, {
      remedy: "Set resources.gpu to false, or run the stack in a phase with GPU nodes.",
      status: 422,
    });
  }
}

/** What a worker does with a task: prepares its workspace, makes its repositories ready, runs its steps, cleans up. */
export function createExecuteTask(deps: ExecuteTaskDeps): ExecuteTask {
  return async (given) => {
    const { task, emit } = given;
    checkRunnable(task);
    if (task.resources.gpu) throw new GpuUnavailableError(task.taskId);
    const [workspace, uid] = await Promise.all([
      deps.workspaces.get(task.workspaceId),
      deps.workspaces.uid(task.workspaceId),
    ]);
    const quotaBytes = deps.planLimits[workspace.plan].storageQuotaBytes;
    const warning = await deps.guard.admit(task.workspaceId, quotaBytes);
    if (warning !== undefined) emit(warning);

    const workspaceDir = await deps.volume.prepare(
      { workspaceId: task.workspaceId, planTier: workspace.plan, createdAt: workspace.createdAt },
      { uid, quotaBytes },
    );
    const keep = given.checkpoint !== null;
    const folder = await deps.volume.openTask(task.workspaceId, task.taskId, uid, { keep });
    const guard = deps.guard.watch({
      workspaceId: task.workspaceId,
      quotaBytes,
      onNearlyUsed: (usedBytes) => {
        if (warning === undefined) emit(nearlyUsedWarning(task.workspaceId, usedBytes, quotaBytes));
      },
    });
    let resumable = keep;
    const execution: TaskExecution = {
      ...given,
      signal: AbortSignal.any([given.signal, guard.signal]),
      save: async (checkpoint) => {
        await given.save(checkpoint);
        resumable = true;
      },
    };
    let outcome: TaskOutcome | undefined;
    let redact = new Redactor([]);
    try {
      const token = await taskToken(deps, task);
      const { credentials, redactor } = await giveCredentials(deps, task, { uid, token, emit });
      redact = redactor;
      const gitHosts = task.resources.networkAccess ? await deps.gitHosts(task.workspaceId) : [];
      const profile = sandboxProfile(deps, task, workspaceDir, uid, token, gitHosts);
      await folder.writeEnv(profile.environment);
      const sandbox = new RedactingSandbox(new QuotaSandbox(deps.sandbox, guard), redactor, given.recorded);
      const redacted = redactExecution(execution, redactor);
      // Git gets its tokens from the gateway: a repository's configuration sees none of the task's credentials.
      await prepareRepositories({ ...deps, sandbox }, redacted, profile, folder);
      const endpoint = { socketPath: deps.gateway.socketPath, token };
      const ended = await runTask({
        execution: redacted,
        profile: { ...profile, credentials },
        folder: { log: { write: (text) => folder.log.write(redactor.text(text)) } },
        sandbox,
        toolPolicy: workspace.toolPolicy,
        apiTools: await apiTools(deps, task),
        endpoint,
      });
      outcome = redactOutcome(ended, redactor);
      redacted.decide(outcome);
      return outcome;
    } catch (error) {
      if (error instanceof Error) error.message = redact.text(error.message);
      throw error;
    } finally {
      guard.stop();
      try {
        await deps.repositories.releaseTask(task.workspaceId, task.taskId);
      } finally {
        await (goesOnLater(given.signal, outcome, resumable) ? folder.leave() : folder.close());
        deps.usage.refreshInBackground(task.workspaceId);
      }
    }
  };
}

/**
 * Whether a later attempt goes on with the task's files: it pauses, or this worker has lost it or hands it back and
 * there is a checkpoint to go on from.
 */
function goesOnLater(signal: AbortSignal, outcome: TaskOutcome | undefined, resumable: boolean): boolean {
  const reason = signal.aborted ? (signal.reason as StopReason) : undefined;
  if (outcome?.status === "paused") return reason === undefined || reason === "shutdown";
  return resumable && (reason === "lease_lost" || (reason === "shutdown" && outcome?.status !== "completed"));
}

/** What names the task to the gateway: its sandbox has it, and so has its agent. */
function taskToken({ gateway }: ExecuteTaskDeps, task: AgentTask): Promise<string> {
  return signTaskToken({ ...task, expiresInSeconds: task.timeoutSeconds + TOKEN_SLACK_SECONDS }, gateway.tokenKey);
}

/** The way to the API's tools. The token for it stays in this process: the sandbox has the gateway's alone. */
async function apiTools({ apiUrl, gateway }: ExecuteTaskDeps, task: AgentTask): Promise<ApiToolsClient | undefined> {
  if (apiUrl === undefined) return undefined;
  const { taskId, workspaceId, timeoutSeconds, resources } = task;
  const token = await signApiTaskToken(
    {
      taskId,
      workspaceId,
      networkAccess: resources.networkAccess,
      expiresInSeconds: timeoutSeconds + TOKEN_SLACK_SECONDS,
    },
    gateway.tokenKey,
  );
  return new ApiToolsClient({ apiUrl, taskId, token });
}

function sandboxProfile(
  deps: ExecuteTaskDeps,
  task: AgentTask,
  workspaceDir: string,
  uid: number,
  token: string,
  gitHosts: readonly string[],
): SandboxProfile {
  const { resources } = task;
  return {
    workspaceDir,
    uid,
    limits: sandboxLimits(resources),
    gateway: resources.networkAccess
      ? { socketPath: deps.gateway.socketPath, token, hasModels: deps.gateway.hasModels }
      : undefined,
    environment: {
      ...deps.environment,
      ...gitThroughGateway(gitHosts),
      ...gitEnvironment(task.agentId, task.workspaceId),
      AUTOMATOS_TASK_ID: task.taskId,
      AUTOMATOS_WORKSPACE_ID: task.workspaceId,
    },
  };
}

async function prepareRepositories(
  deps: ExecuteTaskDeps,
  { task, signal, emit }: TaskExecution,
  profile: SandboxProfile,
  folder: TaskFolder,
): Promise<void> {
  if (!task.resources.repoClone) return;
  for (const repository of task.repositories) {
    signal.throwIfAborted();
    const { event, warnings } = await deps.repositories.ensure({
      workspaceId: task.workspaceId,
      taskId: task.taskId,
      repository,
      sandbox: deps.sandbox,
      profile,
      signal,
      onOutput: (_stream, text) => folder.log.write(text),
    });
    for (const body of [...warnings, event]) emit(body);
  }
}
