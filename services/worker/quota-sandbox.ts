import type { Sandbox, SandboxCommand, SandboxExit, SandboxProfile, SandboxStatus } from "../sandbox/sandbox.ts";
import type { Refusal, TaskGuard } from "./quota-guard.ts";

/** strerror(3) of glibc and musl, and what others print; Node has no name for EDQUOT. */
const REFUSALS: readonly (readonly [Refusal, RegExp])[] = [
  ["quota", /disk quota exceeded|quota exceeded|\bEDQUOT\b|UNKNOWN: unknown error, |errno: -122/i],
  ["space", /no space left on device|\bENOSPC\b/i],
];
/** Programs say at their end why they fail. */
const TAIL_CHARS = 8_192;

/**
 * A task's sandbox that asks the task's guard when a command has failed and said that it was refused a write: the task
 * then ends with that reason, and not with an exit code. Commands and git go through it alike.
 */
export class QuotaSandbox implements Sandbox {
  readonly #inner: Sandbox;
  readonly #guard: Pick<TaskGuard, "refused">;

  constructor(inner: Sandbox, guard: Pick<TaskGuard, "refused">) {
    this.#inner = inner;
    this.#guard = guard;
  }

  get kind(): Sandbox["kind"] {
    return this.#inner.kind;
  }

  get status(): SandboxStatus {
    return this.#inner.status;
  }

  async run(profile: SandboxProfile, command: SandboxCommand): Promise<SandboxExit> {
    const tail = { stdout: "", stderr: "" };
    const exit = await this.#inner.run(profile, {
      ...command,
      onOutput: (stream, text) => {
        tail[stream] = (tail[stream] + text).slice(-TAIL_CHARS);
        return command.onOutput(stream, text);
      },
    });
    const failed = exit.exitCode !== 0 && !exit.timedOut && !command.signal.aborted;
    const said = failed ? REFUSALS.find(([, pattern]) => pattern.test(tail.stdout + tail.stderr)) : undefined;
    if (said !== undefined) await this.#guard.refused(said[0]);
    return exit;
  }

  recover(): Promise<number> {
    return this.#inner.recover();
  }
}
