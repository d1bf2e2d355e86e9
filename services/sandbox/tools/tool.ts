import type { z } from "zod";
import type { PlatformError } from "../../../contracts/errors.ts";
import type { WorkerToolInputs, WorkerToolName } from "../../../contracts/tools.ts";
import type { Sandbox, SandboxProfile } from "../sandbox.ts";

/** Where a tool works, and for whom. */
export interface ToolContext {
  readonly sandbox: Sandbox;
  /** Names the workspace's folder and user, too. */
  readonly profile: SandboxProfile;
  /** Stops the tool; a command is killed with all that it started. */
  readonly signal: AbortSignal;
  /** A command's output as it comes, cut where the tool's answer is cut. */
  readonly onOutput: (stream: "stdout" | "stderr", text: string) => void;
  /** The task's own log, there while the task runs: a command's output, up to 50 MiB a command. */
  readonly log: (text: string) => void;
}

/** A tool's input as it has been checked, defaults applied. */
export type ToolInput<Name extends WorkerToolName> = z.output<(typeof WorkerToolInputs)[Name]>;

export interface ToolResult {
  readonly ok: boolean;
  /** What the tool answers: JSON; null when it did not come to that. */
  readonly output: unknown;
  /** Of commands alone; null when a signal ended it. */
  readonly exitCode?: number | null;
  readonly error: PlatformError | null;
}

/** One tool. Throws a PlatformError for what its caller can do something about. */
export type Tool<Name extends WorkerToolName> = (input: ToolInput<Name>, context: ToolContext) => Promise<ToolResult>;

export const succeeded = (output: unknown): ToolResult => ({ ok: true, output, error: null });
