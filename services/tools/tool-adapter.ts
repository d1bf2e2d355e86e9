import type { ApiToolName, ToolInput } from "../../contracts/tools.ts";
import type { TaskIdentity } from "../runtime/task-token.ts";

/** For whom an adapter works, and until when. */
export interface AdapterContext {
  /** Whose call it is. The gateway logs and limits by it; its rules are those of the workspace. */
  readonly identity: TaskIdentity;
  /** Whether the caller may reach anything outside: a task with `networkAccess: false` may not. */
  readonly networkAccess: boolean;
  /** Fires when nobody waits for the answer any more: the adapter stops what it does. */
  readonly signal: AbortSignal;
}

/** One tool that runs at the API. */
export interface ToolAdapter<Name extends ApiToolName = ApiToolName> {
  readonly name: Name;
  /**
   * Does one call, whose input has been checked. Resolves to JSON of at most a few MiB.
   *
   * @throws PlatformError for what the caller can do something about.
   */
  call(input: ToolInput<Name>, context: AdapterContext): Promise<unknown>;
  /** Why this workspace cannot use it, as a configuration key; null where it can. @default null: every workspace can */
  missing?(workspaceId: string): string | null;
}
