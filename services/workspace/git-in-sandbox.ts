import type { Sandbox, SandboxProfile } from "../sandbox/sandbox.ts";

export interface GitResult {
  readonly ok: boolean;
  readonly stdout: string;
  /** The last lines of what git said, for people. */
  readonly says: string;
}

export interface GitDeps {
  readonly sandbox: Sandbox;
  readonly profile: SandboxProfile;
  readonly signal: AbortSignal;
  /** Told what git prints on stderr: its progress and complaints. */
  readonly onOutput?: ((stream: "stdout" | "stderr", text: string) => void) | undefined;
}

/** A git that does nothing for so long is ended: the task's own time usually ends first. */
const TIMEOUT_MS = 3_600_000;
const MAX_OUTPUT_CHARS = 4 * 1024 ** 2;
const MAX_MESSAGE_CHARS = 1_000;

/**
 * For git, a repository's own configuration is a program to run (hooks, monitors, transports). In the sandbox that can
 * do no more than the task itself may do; these settings see to it that it does not get in the way of fetching either.
 */
const SETTINGS = {
  "core.hooksPath": "/dev/null",
  "core.fsmonitor": "false",
  "protocol.allow": "never",
  "protocol.http.allow": "always",
  "protocol.https.allow": "always",
  "submodule.recurse": "false",
  "fetch.recurseSubmodules": "false",
  "gc.autoDetach": "false", // what it starts in the background would be killed half-way
  "http.lowSpeedLimit": "1", // bytes per second below which a connection counts as dead,
  "http.lowSpeedTime": "60", // after so many seconds
  "advice.detachedHead": "false",
  "user.name": "automatos",
  "user.email": "automatos@localhost",
};
const ENVIRONMENT = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_HTTP_PROXY_AUTHMETHOD: "basic", // otherwise each connection asks once without the token
  LC_ALL: "C.UTF-8",
};

/**
 * Runs git as the task would: in its sandbox, as its user, through the gateway.
 *
 * @param folder Where, relative to the workspace. Undefined: outside of any repository.
 * @throws the signal's reason when it fires, and what the sandbox throws
 */
export async function git(deps: GitDeps, folder: string | undefined, args: readonly string[]): Promise<GitResult> {
  deps.signal.throwIfAborted();
  let stdout = "";
  let stderr = "";
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  // Said outright, as git would look for a repository in the folders above when this one is broken.
  const place = folder === undefined ? [] : ["--git-dir=.git", "--work-tree=."];
  const exit = await deps.sandbox.run(deps.profile, {
    argv: ["git", ...settings, ...place, ...args],
    cwd: folder ?? ".",
    environment: ENVIRONMENT,
    timeoutMs: TIMEOUT_MS,
    signal: deps.signal,
    onOutput: (stream, text) => {
      if (stream === "stdout") {
        if (stdout.length < MAX_OUTPUT_CHARS) stdout += text;
      } else {
        stderr = (stderr + text).slice(-MAX_MESSAGE_CHARS);
        deps.onOutput?.(stream, text);
      }
    },
  });
  deps.signal.throwIfAborted();
  const ok = exit.exitCode === 0 && !exit.timedOut;
  const why = exit.outOfMemory ? "it ran out of memory" : exit.timedOut ? "it took too long" : lastLines(stderr);
  return { ok, stdout, says: why || `it ended with ${exit.signal ?? `status ${exit.exitCode ?? "unknown"}`}` };
}

/** The complaints without the progress before them, on one line. */
function lastLines(stderr: string): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  const complaints = lines.filter((line) => /^(fatal|error|warning|remote):/.test(line));
  return (complaints.length > 0 ? complaints : lines).slice(-3).join("; ");
}
