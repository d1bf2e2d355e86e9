import { RedactedOutput } from "../runtime/redaction/redacted-output.ts";
import type { Redactor } from "../runtime/redaction/redactor.ts";
import type { Sandbox, SandboxCommand, SandboxExit, SandboxProfile, SandboxStatus } from "../sandbox/sandbox.ts";

/**
 * A task's sandbox whose commands start once it is in the record that they do, and print no secret of the task: before
 * anything is cut, logged, shown, or read by a model. What a terminal shows is not looked at: whoever sits at it has the
 * secrets anyway.
 */
export class RedactingSandbox implements Sandbox {
  readonly #inner: Sandbox;
  readonly #redactor: Redactor;
  readonly #recorded: () => Promise<void>;

  /** `recorded` resolves when what was said of the command is in the record, and with it in the audit log. */
  constructor(inner: Sandbox, redactor: Redactor, recorded: () => Promise<void>) {
    this.#inner = inner;
    this.#redactor = redactor;
    this.#recorded = recorded;
  }

  get kind(): Sandbox["kind"] {
    return this.#inner.kind;
  }

  get status(): SandboxStatus {
    return this.#inner.status;
  }

  async run(profile: SandboxProfile, command: SandboxCommand): Promise<SandboxExit> {
    await this.#recorded();
    const output = new RedactedOutput(this.#redactor, command.onOutput);
    try {
      return await this.#inner.run(profile, { ...command, onOutput: (stream, text) => output.push(stream, text) });
    } finally {
      await output.end();
    }
  }

  recover(): Promise<number> {
    return this.#inner.recover();
  }
}
