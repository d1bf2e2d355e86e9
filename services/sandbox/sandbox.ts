/** What a sandbox lets a command see and use. */
export interface SandboxProfile {
  /** The workspace's folder on the host; the only writable place inside, mounted at `/workspace`. */
  readonly workspaceDir: string;
  /** Numeric user and group of this workspace; used where the service runs as root, own user's id otherwise. */
  readonly uid: number;
  readonly limits: SandboxLimits;
  /** Unix socket of the gateway and the token that names this task there; undefined: no network at all. */
  readonly gateway: { readonly socketPath: string; readonly token: string } | undefined;
  /** Added to the environment of every command (package indexes, git identity); never a secret of the service. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface SandboxLimits {
  readonly cpuMillicores: number;
  readonly memoryMb: number;
  readonly maxProcesses: number;
  /** Largest file that a command may write, in bytes. */
  readonly maxFileBytes: number;
}

export interface SandboxCommand {
  readonly argv: readonly [string, ...string[]];
  /** Below the workspace, `.` for its root. A path that leads out is refused. */
  readonly cwd: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly timeoutMs: number;
  /** Kills the whole process tree when it fires. */
  readonly signal: AbortSignal;
  /** Called with output as it comes, whole UTF-8 characters only. */
  readonly onOutput: (stream: "stdout" | "stderr", text: string) => void;
}

export interface SandboxExit {
  /** Null when a signal ended the command. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** True when the memory limit killed it. */
  readonly outOfMemory: boolean;
  readonly durationMs: number;
}

/**
 * Runs commands that nobody trusts. The boundary is the kernel: see docs/decisions. Each kind obeys
 * tests/contract/sandbox.contract.ts.
 */
export interface Sandbox {
  readonly kind: "bubblewrap" | "none";
  /**
   * Runs one command to its end. When this settles no process that it started is left, background children included.
   *
   * @throws SandboxUnavailableError when no sandbox can be made here.
   * @throws PlatformError (COMMAND_NOT_FOUND, PATH_OUTSIDE_WORKSPACE) for commands that cannot start.
   */
  run(profile: SandboxProfile, command: SandboxCommand): Promise<SandboxExit>;
}
