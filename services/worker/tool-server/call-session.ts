import { stat } from "node:fs/promises";
import type { CallGrant, CallResources } from "../../../contracts/tool-call.ts";
import { signTaskToken } from "../../runtime/task-token.ts";
import type { Sandbox, SandboxProfile } from "../../sandbox/sandbox.ts";
import { gitThroughGateway } from "../../workspace/git-credential-hosts.ts";
import type { UsageMeter } from "../../workspace/usage/usage-meter.ts";
import type { WorkspaceVolume } from "../../workspace/workspace-volume.ts";
import type { QuotaGuard, TaskGuard } from "../quota-guard.ts";
import { QuotaSandbox } from "../quota-sandbox.ts";
import { gitEnvironment, sandboxLimits, TOKEN_SLACK_SECONDS } from "../sandbox-profile.ts";

export interface CallSessionDeps {
  readonly volume: Pick<WorkspaceVolume, "prepare" | "workspaceDir">;
  readonly usage: Pick<UsageMeter, "refreshInBackground">;
  readonly guard: Pick<QuotaGuard, "admit" | "watch">;
  /** Rejects while the workspace's files are being replaced. @default nobody replaces them */
  readonly requireInPlace?: (workspaceId: string) => Promise<void>;
  readonly sandbox: Sandbox;
  /** Unix socket of the gateway, and the key that signs what names a call there. */
  readonly gateway: { readonly socketPath: string; readonly tokenKey: Uint8Array };
  /** Hosts whose git repositories the gateway fetches with a credential of the workspace's. */
  readonly gitHosts: (workspaceId: string) => Promise<readonly string[]>;
  /** What every command sees beside what the sandbox itself sets, e.g. the package indexes. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A workspace, open for one call. */
export interface CallSession {
  readonly workspaceDir: string;
  readonly sandbox: Sandbox;
  readonly profile: SandboxProfile;
  /** Fires with the caller's own reason, or with a PlatformError when the workspace's quota is exceeded. */
  readonly signal: AbortSignal;
  close(): void;
}

/** What a sandbox's profile is made of, beside the grant. */
interface Opened {
  readonly workspaceDir: string;
  readonly uid: number;
  readonly token: string;
  readonly gitHosts: readonly string[];
}

/** Opens workspaces for calls. What was prepared is remembered, so that a call costs little more than its sandbox. */
export class CallSessions {
  readonly #deps: CallSessionDeps;
  /** Workspace -> what its folder was prepared for last. */
  readonly #prepared = new Map<string, string>();

  constructor(deps: CallSessionDeps) {
    this.#deps = deps;
  }

  /** @throws WorkspaceQuotaExceededError, WorkspaceRestoringError */
  async open(
    grant: CallGrant,
    call: { readonly resources: CallResources; readonly timeoutSeconds: number; readonly signal: AbortSignal },
  ): Promise<CallSession> {
    const { workspaceId, quotaBytes, uid } = grant;
    await this.#deps.requireInPlace?.(workspaceId);
    await this.#deps.guard.admit(workspaceId, quotaBytes);
    const [workspaceDir, gitHosts, token] = await Promise.all([
      this.#prepare(grant),
      call.resources.networkAccess ? this.#deps.gitHosts(workspaceId) : [],
      signTaskToken(
        { workspaceId, taskId: grant.callId, expiresInSeconds: call.timeoutSeconds + TOKEN_SLACK_SECONDS },
        this.#deps.gateway.tokenKey,
      ),
    ]);
    const guard = this.#deps.guard.watch({ workspaceId, quotaBytes, onNearlyUsed: () => undefined });
    return {
      workspaceDir,
      sandbox: new QuotaSandbox(this.#deps.sandbox, guard),
      profile: this.#profile(grant, call.resources, { workspaceDir, uid, token, gitHosts }),
      signal: AbortSignal.any([call.signal, guard.signal]),
      close: () => this.#close(guard, workspaceId),
    };
  }

  #close(guard: TaskGuard, workspaceId: string): void {
    guard.stop();
    this.#deps.usage.refreshInBackground(workspaceId);
  }

  async #prepare({ workspaceId, plan, createdAt, uid, quotaBytes }: CallGrant): Promise<string> {
    const wanted = `${uid} ${plan} ${quotaBytes}`;
    const dir = this.#deps.volume.workspaceDir(workspaceId);
    if (this.#prepared.get(workspaceId) === wanted) {
      const isThere = await stat(dir).then(
        (stats) => stats.isDirectory(),
        () => false,
      );
      if (isThere) return dir;
    }
    await this.#deps.volume.prepare({ workspaceId, planTier: plan, createdAt }, { uid, quotaBytes });
    this.#prepared.delete(workspaceId); // the one that was used last is forgotten last
    this.#prepared.set(workspaceId, wanted);
    if (this.#prepared.size > MAX_REMEMBERED) this.#prepared.delete(this.#prepared.keys().next().value ?? "");
    return dir;
  }

  #profile(
    { callId, workspaceId }: CallGrant,
    resources: CallResources,
    { workspaceDir, uid, token, gitHosts }: Opened,
  ): SandboxProfile {
    return {
      workspaceDir,
      uid,
      limits: sandboxLimits(resources),
      // No models: their tokens are counted against a task, and a call has none.
      gateway: resources.networkAccess ? { socketPath: this.#deps.gateway.socketPath, token } : undefined,
      environment: {
        ...this.#deps.environment,
        ...gitThroughGateway(gitHosts),
        ...gitEnvironment("api", workspaceId),
        AUTOMATOS_CALL_ID: callId,
        AUTOMATOS_WORKSPACE_ID: workspaceId,
      },
    };
  }
}
const MAX_REMEMBERED = 10_000;
