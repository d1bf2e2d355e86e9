import { type PlatformError, ToolNeedsApprovalError } from "../../../contracts/errors.ts";
import type { CallGrant, ToolCallAnswer, ToolCallEvent, WorkerCall } from "../../../contracts/tool-call.ts";
import { CallNeedsApprovalError } from "../../../contracts/tool-call-errors.ts";
import type { Sandbox, SandboxCommand, SandboxProfile } from "../../sandbox/sandbox.ts";
import { runTool } from "../../sandbox/tools/registry.ts";
import { limitReached } from "../quota-guard.ts";
import type { CallSession } from "./call-session.ts";
import { CallTimedOutError } from "./errors.ts";

type Write = (event: ToolCallEvent) => Promise<void> | undefined;

/** Runs one call to its end. Whatever happens is an event of its last line: a caller learns how each call has ended. */
export async function runCall(
  call: WorkerCall,
  grant: CallGrant,
  { session, timeout, write }: { readonly session: CallSession; readonly timeout: AbortSignal; readonly write: Write },
): Promise<ToolCallEvent> {
  const startedAt = performance.now();
  const streams = call.stream && call.tool === "execute_command";
  const answer = await runTool(
    call.tool,
    call.input,
    {
      sandbox: streams ? new StreamingSandbox(session.sandbox, write) : session.sandbox,
      profile: session.profile,
      signal: session.signal,
      onOutput: () => undefined, // the whole output is streamed, not what is left of it after the cut
      log: () => undefined,
    },
    grant.toolPolicy,
  );
  const stopped = timeout.aborted ? new CallTimedOutError(call.timeoutSeconds) : limitReached(session.signal);
  const error = stopped ?? answer.error;
  if (error !== null && answer.output === null) return { type: "error", error: describe(forCaller(error, call.tool)) };
  const result: ToolCallAnswer = {
    callId: grant.callId,
    tool: call.tool,
    ok: error === null,
    output: answer.output,
    exitCode: answer.exitCode ?? null,
    error: error?.toTaskError() ?? null,
    durationMs: Math.round(performance.now() - startedAt),
  };
  return { type: "result", result };
}

const forCaller = (error: PlatformError, tool: string): PlatformError =>
  error instanceof ToolNeedsApprovalError ? new CallNeedsApprovalError(tool) : error;

export const describe = (error: PlatformError) => ({ ...error.toTaskError(), status: error.status });

/** Shows a command's whole output as it comes, as fast as its reader takes it. */
class StreamingSandbox implements Sandbox {
  readonly #inner: Sandbox;
  readonly #write: Write;

  constructor(inner: Sandbox, write: Write) {
    this.#inner = inner;
    this.#write = write;
  }

  get kind() {
    return this.#inner.kind;
  }

  get status() {
    return this.#inner.status;
  }

  run(profile: SandboxProfile, command: SandboxCommand) {
    return this.#inner.run(profile, {
      ...command,
      onOutput: async (stream, text) => {
        await Promise.all([command.onOutput(stream, text), this.#write({ type: stream, text })]);
      },
    });
  }

  recover() {
    return this.#inner.recover();
  }
}
