import { spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { startGitServer } from "./git-server.ts";
import { makeSampleRepository } from "./sample-repository.ts";
import { repairTask, secondLookTask } from "./sample-tasks.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const CLI = path.join(ROOT, "cli", "automatos.mjs");

export interface FirstTaskOptions {
  /** E.g. `http://127.0.0.1:8080`. */
  readonly apiUrl: string;
  /** An administrator's token: opens the sample's git server to the workspace, and closes it again. */
  readonly adminToken: string;
  /** The workspace that the tasks run in. */
  readonly workspaceId: string;
  /** A folder for the sample repository; made anew. */
  readonly scratchDir: string;
  /** Where the words of the demonstration go; the tasks' events go to the standard output, live. */
  readonly write: (line: string) => void;
  /** Ends the demonstration in order, its task cancelled. */
  readonly signal?: AbortSignal;
}

/**
 * Two real tasks against a real git server on this machine: one clones a repository whose test fails, mends it and
 * pushes; one looks at it again and fetches. Resolves to whether both completed and the commit arrived.
 */
export async function runFirstTask(options: FirstTaskOptions): Promise<{ readonly ok: boolean }> {
  const { write, scratchDir, workspaceId } = options;
  rmSync(scratchDir, { recursive: true, force: true });
  mkdirSync(scratchDir, { recursive: true });
  const repository = makeSampleRepository(path.join(scratchDir, "repositories"));
  const server = await startGitServer(repository.rootDir);
  const rule = `127.0.0.1:${server.port}`;
  const egress = async (verb: "add" | "rm") => {
    const { code, output } = await runCli(options, ["workspace", "egress", verb, workspaceId, rule], "pipe");
    if (code !== 0) write(output.trimEnd());
    return code === 0;
  };
  const isInterrupted = () => options.signal?.aborted === true;
  try {
    if (!(await egress("add"))) return { ok: false };
    const url = `${server.url}/${repository.name}.git`;
    const tasks = [
      ["A first task: clone, see a test fail, mend it, see it pass, push.", repairTask(workspaceId, repository, url)],
      ["A second one: the repository is fetched, not cloned.", secondLookTask(workspaceId, repository, url)],
    ] as const;
    for (const [title, task] of tasks) {
      write(`\n${title}`);
      const file = path.join(scratchDir, `${task.taskId}.json`);
      writeFileSync(file, JSON.stringify(task));
      if (isInterrupted()) return { ok: false };
      const { code } = await runCli(options, ["task", "run", "--file", file], "inherit", options.signal);
      if (isInterrupted()) {
        // the git server that it works with ends here
        await runCli(options, ["task", "cancel", task.taskId], "pipe");
        write("The task was cancelled.");
      }
      if (code !== 0) return { ok: false };
    }
    const [newest] = repository.log();
    write(`\nThe newest commit on the git server: "${newest ?? ""}"`);
    return { ok: newest === "Take the percentage off, not the number" };
  } finally {
    await egress("rm");
    await server.stop();
    rmSync(scratchDir, { recursive: true, force: true });
  }
}

/** Runs the command line to its end, its output live or kept. */
function runCli(
  options: FirstTaskOptions,
  args: readonly string[],
  output: "inherit" | "pipe",
  signal?: AbortSignal,
): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], {
      stdio: ["ignore", output, output],
      env: { ...process.env, AUTOMATOS_API_URL: options.apiUrl, AUTOMATOS_TOKEN: options.adminToken },
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += String(chunk)));
    // Ctrl-C on a terminal reaches it as well
    const interrupt = () => (signal?.reason === "SIGINT" && process.stdin.isTTY) || child.kill("SIGINT");
    signal?.addEventListener("abort", interrupt);
    child.on("error", reject);
    child.on("close", (code) => {
      signal?.removeEventListener("abort", interrupt);
      resolve({ code: code ?? 1, output: text });
    });
  });
}
