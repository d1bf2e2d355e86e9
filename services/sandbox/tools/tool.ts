import type { PlatformError } from "../../../contracts/errors.ts";
import type { ApiToolName, ToolInput, WorkerToolName } from "../../../contracts/tools.ts";
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
  /** Which of the task's calls this is: `step-<index>` or `call-<tool call id>`. Approvals are found by it. */
  readonly callId?: string;
  /** Whether a person has approved this very call. @default false */
  readonly approved?: boolean;
  /** Calls tools that run at the API. @default such tools answer TOOL_NOT_CONFIGURED */
  readonly apiTools?: ApiTools | undefined;
}

/** The way to the tools that run at the API, on behalf of one task. */
export interface ApiTools {
  /**
   * Resolves to the tool's output.
   *
   * @throws PlatformError as the API or the tool answered it; API_TOOL_UNREACHABLE when no answer came.
   */
  call(
    name: ApiToolName,
    input: unknown,
    options: { readonly callId: string | undefined; readonly signal: AbortSignal },
  ): Promise<unknown>;
}

export interface ToolResult {
  readonly ok: boolean;
  /** What the tool answers: JSON; null when it did not come to that. */
  readonly output: unknown;
  /** Of commands alone; null when a signal ended it. */
  readonly exitCode?: number | null;
  readonly error: PlatformError | null;
}

/** One tool of the worker. Throws a PlatformError for what its caller can do something about. */
export type Tool<Name extends WorkerToolName> = (input: ToolInput<Name>, context: ToolContext) => Promise<ToolResult>;

export const succeeded = (output: unknown): ToolResult => ({ ok: true, output, error: null });
