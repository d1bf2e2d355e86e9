import * as fs from "node:fs";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox, SandboxCommand, SandboxExit, SandboxProfile } from "../../../services/sandbox/sandbox.ts";

export const isRoot = process.getuid?.() === 0;
/** The user of test workspaces where tests run as root. */
export const WORKSPACE_UID = 200_001;

export interface Outcome extends SandboxExit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Temporary folders of one test file: a runtime folder for the sandbox, and workspaces. */
export class Playground {
  readonly folder = fs.mkdtempSync(join(tmpdir(), "sandbox-test-"));
  readonly runtimeDir = join(this.folder, "runtime");
  #count = 0;

  makeWorkspace(uid = WORKSPACE_UID): SandboxProfile {
    const workspaceDir = join(this.folder, `workspace-${++this.#count}`);
    fs.mkdirSync(workspaceDir, { mode: 0o700 });
    if (isRoot) fs.chownSync(workspaceDir, uid, uid);
    return {
      workspaceDir,
      uid,
      limits: { cpuMillicores: 2_000, memoryMb: 512, maxProcesses: 100, maxFileBytes: 100 * 1024 ** 2 },
      gateway: undefined,
      environment: {},
    };
  }

  remove(): void {
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Runs a command and collects what it says. */
export async function run(
  sandbox: Sandbox,
  profile: SandboxProfile,
  argv: readonly [string, ...string[]],
  options: Partial<SandboxCommand> = {},
): Promise<Outcome> {
  const said = { stdout: "", stderr: "" };
  const exit = await sandbox.run(profile, {
    argv,
    cwd: ".",
    environment: {},
    timeoutMs: 30_000,
    signal: new AbortController().signal,
    onOutput: (stream, text) => {
      if (said[stream].length < 1_000_000) said[stream] += text;
    },
    ...options,
  });
  return { ...exit, ...said };
}

export const sh = (sandbox: Sandbox, profile: SandboxProfile, script: string, options: Partial<SandboxCommand> = {}) =>
  run(sandbox, profile, ["/bin/sh", "-c", script], options);

/** A gateway's socket that answers each connection with `answer` and tells what was said to it. */
export async function startSocket(path: string, answer: string): Promise<{ server: Server; heard: string[] }> {
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (data) => {
      heard.push(String(data));
      socket.end(answer);
    });
  });
  server.listen(path);
  await once(server, "listening");
  fs.chmodSync(path, 0o666);
  return { server, heard };
}
