import type { Readable, Writable } from "node:stream";

/** What a sandbox lets a command see and use. */
export interface SandboxProfile {
  /** The workspace's folder on the host; the only writable place inside, mounted at `/workspace`. */
  readonly workspaceDir: string;
  /** Numeric user and group of this workspace; used where the service runs as root, own user's id otherwise. */
  readonly uid: number;
  readonly limits: SandboxLimits;
  /** Unix socket of the gateway and the token that names this task there; undefined: no network at all. */
  readonly gateway:
    | {
        readonly socketPath: string;
        readonly token: string;
        /** Whether it serves language models: OpenAI's clients find it by the environment. @default false */
        readonly hasModels?: boolean;
      }
    | undefined;
  /** Added to the environment of every command (package indexes, git identity); never a secret of the service. */
  readonly environment: Readonly<Record<string, string>>;
  /** What a task is given of its workspace's credentials. @default nothing */
  readonly credentials?: SandboxCredentials;
}

/** Secrets that each command finds, and that never touch a disk. */
export interface SandboxCredentials {
  readonly environment: Readonly<Record<string, string>>;
  /** Below INSIDE.credentials, for reading. */
  readonly files: readonly { readonly path: string; readonly content: string }[];
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
  /** A stream is read as the command reads it; one that breaks ends the command's input. @default none */
  readonly stdin?: string | Readable;
  /** Takes the standard output as it is, byte by byte, in place of `onOutput`; it is not ended. @default none */
  readonly stdout?: Writable;
  /**
   * Descriptor of a terminal's own side, which becomes the command's standard streams and controlling terminal: no
   * `stdin` is written then, and `onOutput` is not called. The caller closes it. @default pipes
   */
  readonly terminalFd?: number;
  /** From the call of `run` on. */
  readonly timeoutMs: number;
  /** Kills the whole process tree when it fires. */
  readonly signal: AbortSignal;
  /**
   * Called with output as it comes, whole UTF-8 characters only. Nothing of it is kept here: while a promise that this
   * answered is pending the command's pipe is not read, and the command waits when it is full.
   */
  readonly onOutput: (stream: "stdout" | "stderr", text: string) => void | Promise<void>;
}

export interface SandboxExit {
  /** Null when a signal ended the command. */
  readonly exitCode: number | null;
  /** The signal's name. An exit code of 128 and a signal's number counts as that signal, as it does for a shell. */
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** True when the memory limit killed it. */
  readonly outOfMemory: boolean;
  readonly durationMs: number;
}

/** What a sandbox can do on this machine: for start-up logs, health and the admin routes. */
export interface SandboxStatus {
  readonly kind: "bubblewrap" | "none";
  readonly available: boolean;
  /** Why commands are refused, and what to do; null when they run. */
  readonly problem: { readonly message: string; readonly remedy: string } | null;
  /** What enforces memory, CPU and process limits. `rlimits` count memory per process and leave CPU shares alone. */
  readonly limitedBy: "cgroup-v1" | "cgroup-v2" | "rlimits" | "nothing";
  /** Whether each workspace has a user of its own on this machine. */
  readonly userPerWorkspace: boolean;
}

/**
 * Runs commands that nobody trusts. The boundary is the kernel: see docs/decisions. Each kind obeys
 * tests/contract/sandbox.contract.ts.
 */
export interface Sandbox {
  readonly kind: "bubblewrap" | "none";
  readonly status: SandboxStatus;
  /**
   * Runs one command to its end. When this settles no process that it started is left, background children included.
   *
   * @throws SandboxUnavailableError when no sandbox can be made here.
   * @throws PlatformError (COMMAND_NOT_FOUND, PATH_OUTSIDE_WORKSPACE, SANDBOX_FAILED) for commands that cannot start.
   */
  run(profile: SandboxProfile, command: SandboxCommand): Promise<SandboxExit>;
  /**
   * Ends what a worker that was killed on this machine left behind: processes and cgroups. Call once at start.
   * Resolves to the number of processes killed.
   */
  recover(): Promise<number>;
}
