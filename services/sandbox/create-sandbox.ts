import { SandboxUnavailableError } from "../../contracts/errors.ts";
import type { SandboxKind } from "../../contracts/service-env.ts";
import { BubblewrapSandbox } from "./bubblewrap-sandbox.ts";
import { detectMachine } from "./detect.ts";
import { NoneSandbox } from "./none-sandbox.ts";
import type { Sandbox, SandboxStatus } from "./sandbox.ts";

export interface SandboxDeps {
  /** Folder of this service alone, for what sandboxes see of the system; made anew at each start. */
  readonly runtimeDir: string;
  /** PATH of commands that run bare, for kind `none`. @default `/usr/local/bin:/usr/bin:/bin` */
  readonly path?: string;
}

/**
 * The sandbox of the configured kind. There is no fallback: where bubblewrap does not work, the answer is a sandbox
 * that refuses each command and says why in its `status`, so that the other tools work on any machine.
 */
export function createSandbox(kind: SandboxKind, deps: SandboxDeps): Sandbox {
  if (kind === "none") return new NoneSandbox({ path: deps.path ?? "/usr/local/bin:/usr/bin:/bin" });
  try {
    return new BubblewrapSandbox({ machine: detectMachine(), runtimeDir: deps.runtimeDir });
  } catch (error) {
    if (error instanceof SandboxUnavailableError) return new UnavailableSandbox(error);
    throw error;
  }
}

/** Stands where no sandbox can be made: refuses every command. */
export class UnavailableSandbox implements Sandbox {
  readonly kind = "bubblewrap";
  readonly status: SandboxStatus;
  readonly #error: SandboxUnavailableError;

  constructor(error: SandboxUnavailableError) {
    this.#error = error;
    this.status = {
      kind: "bubblewrap",
      available: false,
      problem: { message: error.message, remedy: error.remedy },
      limitedBy: "nothing",
      userPerWorkspace: false,
    };
  }

  async run(): Promise<never> {
    throw this.#error;
  }

  async recover(): Promise<number> {
    return 0;
  }
}
