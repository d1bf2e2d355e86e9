import type { z } from "zod";
import type { TaskError } from "../../../contracts/task.ts";
import type { WorkerToolInputs, WorkerToolName } from "../../../contracts/tools.ts";
import type { SafeFs } from "../../workspace/safe-fs.ts";
import type { Sandbox, SandboxProfile } from "../sandbox.ts";

/** What a tool may use: the workspace's files, and a sandbox for commands. */
export interface ToolContext {
  readonly files: SafeFs;
  readonly sandbox: Sandbox;
  readonly profile: SandboxProfile;
  /** Ends the call; a command's whole process tree dies. */
  readonly signal: AbortSignal;
  /** Output of a command as it comes, cut where the answer is cut. */
  readonly onOutput: (stream: "stdout" | "stderr", text: string) => void;
  /** Everything that a command prints, uncut: the task's log. */
  readonly log: (text: string) => void;
}

/** How a call ended. `ok` is false when the tool itself could not do it; a command's exit code is for the caller to judge. */
export type ToolAnswer =
  | { readonly ok: true; readonly output: unknown; readonly exitCode: number | null }
  | { readonly ok: false; readonly output: unknown; readonly exitCode: number | null; readonly error: TaskError };

export type ToolInput<Name extends WorkerToolName> = z.output<(typeof WorkerToolInputs)[Name]>;

/** One worker-side tool. It throws PlatformErrors for what the caller can mend; the registry makes answers of them. */
export type Tool<Name extends WorkerToolName> = (input: ToolInput<Name>, context: ToolContext) => Promise<ToolAnswer>;
