import { randomUUID } from "node:crypto";
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
const MARK_CHARS = 100;
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

/** Arguments of git, without `git` itself. */
export interface GitCommand {
  readonly args: readonly string[];
  /** Whether the next command is run even if this one fails. @default false */
  readonly mayFail?: boolean;
}

/**
 * Runs git as the task would: in its sandbox, as its user, through the gateway.
 *
 * @param folder Where, relative to the workspace. Undefined: outside of any repository.
 * @throws the signal's reason when it fires, and what the sandbox throws
 */
export async function git(deps: GitDeps, folder: string | undefined, args: readonly string[]): Promise<GitResult> {
  const [result] = await gitInTurn(deps, folder, [{ args }]);
  if (result === undefined) throw new Error("git gave no result"); // cannot be: there is one for each command
  return result;
}

/**
 * Runs several commands of git one after the other in one sandbox, which costs as much as one of them alone.
 *
 * @returns Their results, up to and with the first that failed and must not.
 */
export async function gitInTurn(
  deps: GitDeps,
  folder: string | undefined,
  commands: readonly GitCommand[],
): Promise<GitResult[]> {
  deps.signal.throwIfAborted();
  let stdout = "";
  let stderr = "";
  const mark = randomUUID();
  const exit = await deps.sandbox.run(deps.profile, {
    argv: ["sh", "-c", script(folder, commands, mark)],
    cwd: folder ?? ".",
    environment: ENVIRONMENT,
    timeoutMs: TIMEOUT_MS,
    signal: deps.signal,
    onOutput: (stream, text) => {
      if (stream === "stdout") {
        stdout += text;
        // Of what is too much the beginning says enough; the end may hold the mark that follows.
        if (stdout.length > MAX_OUTPUT_CHARS)
          stdout = stdout.slice(0, MAX_OUTPUT_CHARS / 2) + stdout.slice(-MARK_CHARS);
      } else {
        stderr = (stderr + text).slice(-MAX_MESSAGE_CHARS);
        deps.onOutput?.(stream, text);
      }
    },
  });
  deps.signal.throwIfAborted();

  const finished = stdout.split(new RegExp(`${mark} ([0-9]+)\\n`));
  const results: GitResult[] = [];
  for (let index = 0; index + 1 < finished.length; index += 2) {
    const status = Number(finished[index + 1]);
    const says = lastLines(stderr) || `it ended with status ${status}`;
    results.push({ ok: status === 0, stdout: finished[index] ?? "", says });
  }
  const last = results.at(-1);
  if (results.length < commands.length && (last === undefined || last.ok)) {
    // The sandbox ended in the middle of a command.
    const why = exit.outOfMemory ? "it ran out of memory" : exit.timedOut ? "it took too long" : lastLines(stderr);
    results.push({ ok: false, stdout: "", says: why || `it was ended by ${exit.signal ?? "the sandbox"}` });
  }
  return results;
}

/** Each command, and after it a line with its status, which no output of git can hold. */
function script(folder: string | undefined, commands: readonly GitCommand[], mark: string): string {
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  // Said outright, as git would look for a repository in the folders above when this one is broken.
  const place = folder === undefined ? [] : ["--git-dir=.git", "--work-tree=."];
  return commands
    .map(({ args, mayFail }) => {
      const line = ["git", ...settings, ...place, ...args].map(quote).join(" ");
      const next = mayFail === true ? "" : "; test $status = 0 || exit 0";
      return `${line}; status=$?; printf '%s %s\\n' ${mark} $status${next}\n`;
    })
    .join("");
}

const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

/** The complaints without the progress before them, on one line. */
function lastLines(stderr: string): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  const complaints = lines.filter((line) => /^(fatal|error|warning|remote):/.test(line));
  return (complaints.length > 0 ? complaints : lines).slice(-3).join("; ");
}
