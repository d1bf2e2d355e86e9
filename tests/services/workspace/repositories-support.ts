import { execFile, execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { pino } from "pino";
import { Registry } from "prom-client";
import { buildGateway } from "../../../services/gateway/app.ts";
import { signTaskToken, verifyTaskToken } from "../../../services/runtime/task-token.ts";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { Repositories } from "../../../services/workspace/repositories.ts";
import { InMemoryRepositoryLocks } from "../../../services/workspace/repository-locks.ts";
import { CountedUsageMeter } from "../../../services/workspace/usage/counted-usage-meter.ts";
import { WorkspaceVolume } from "../../../services/workspace/workspace-volume.ts";
import { type GitServer, startGitServer } from "../../../demo/git-server.ts";

const run = promisify(execFile);
const KEY = new Uint8Array(32).fill(9);
const UID = 234_567;

const IDENTITY_ENV = {
  GIT_AUTHOR_NAME: "tester",
  GIT_AUTHOR_EMAIL: "tester@example.test",
  GIT_COMMITTER_NAME: "tester",
  GIT_COMMITTER_EMAIL: "tester@example.test",
};
const GIT_ENV: Record<string, string | undefined> = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  GIT_CONFIG_NOSYSTEM: "1",
  ...IDENTITY_ENV,
};

/** git on this machine, as a person who works on the repository. */
export async function hostGit(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run("git", ["-c", "safe.directory=*", ...args], { cwd, env: GIT_ENV });
  return stdout.trim();
}

export interface RepositoriesWorld extends AsyncDisposable {
  readonly server: GitServer;
  /** A clone of `shop.git`, from which a person pushes. */
  readonly upstream: string;
  readonly rootDir: string;
  readonly workspaceId: string;
  readonly workspaceDir: string;
  readonly repositories: Repositories;
  readonly volume: WorkspaceVolume;
  readonly sandbox: Sandbox;
  readonly profile: SandboxProfile;
  /** Tasks that run, as the record would say. */
  readonly live: Set<string>;
  readonly url: string;
  /** Makes `shop` ready for a task. */
  ensure(options?: {
    taskId?: string;
    ref?: string;
    url?: string;
    signal?: AbortSignal;
    sandbox?: Sandbox;
  }): ReturnType<Repositories["ensure"]>;
  /** A command line of an agent, in `repos/shop`. */
  agent(script: string): Promise<string>;
  /** Commits a file to a branch of `shop.git`; resolves to the commit. */
  push(file: string, content: string, branch?: string): Promise<string>;
}

/** A workspace with a real sandbox, whose only network is a real gateway, and a real git server behind that. */
export async function startRepositoriesWorld(): Promise<RepositoriesWorld> {
  const folder = await mkdtemp(join(tmpdir(), "repositories-"));
  await chmod(folder, 0o755);
  const remotes = join(folder, "remotes");
  const upstream = join(folder, "upstream");
  await mkdir(remotes);
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", join(remotes, "shop.git")], {
    env: GIT_ENV,
  });
  execFileSync("git", ["-C", join(remotes, "shop.git"), "config", "uploadpack.allowFilter", "true"], { env: GIT_ENV });
  const server = await startGitServer(remotes);
  await hostGit(folder, "clone", "--quiet", `${server.url}/shop.git`, upstream);
  const world = { server, upstream, url: `${server.url}/shop.git` };
  const push = async (file: string, content: string, branch = "main") => {
    await hostGit(upstream, "checkout", "--quiet", "-B", branch);
    await writeFile(join(upstream, file), content);
    await hostGit(upstream, "add", "--all");
    await hostGit(upstream, "commit", "--quiet", "-m", `change ${file}`);
    await hostGit(upstream, "push", "--quiet", "origin", `HEAD:${branch}`);
    return hostGit(upstream, "rev-parse", "HEAD");
  };
  await push("README.md", "first\n");

  const logger = pino({ level: "silent" });
  const gateway = buildGateway({
    verifyToken: (token) => verifyTaskToken(token, KEY),
    rules: { rulesOf: async () => [`127.0.0.1:${server.port}`] },
    defaultRules: [],
    log: logger,
    registry: new Registry(),
  });
  const socketPath = join(folder, "gateway.sock");
  await gateway.listen(socketPath);

  const rootDir = join(folder, "workspaces");
  const locks = new InMemoryRepositoryLocks();
  const meter = new CountedUsageMeter({ rootDir, logger });
  const live = new Set<string>();
  const isLive = async (taskId: string) => live.has(taskId);
  const volume = new WorkspaceVolume({ rootDir, locks, isLive, logger });
  const repositories = new Repositories({ rootDir, locks, meter, isLive, logger });
  const sandbox = createSandbox("bubblewrap", { runtimeDir: join(folder, "sandbox") });
  const workspaceId = randomUUID();
  await volume.prepareRoot();
  const workspaceDir = await volume.prepare(
    { workspaceId, planTier: "pro", createdAt: new Date(0).toISOString() },
    { uid: process.getuid?.() === 0 ? UID : (process.getuid?.() ?? 0), quotaBytes: 1024 ** 3 },
  );
  const profile: SandboxProfile = {
    workspaceDir,
    uid: UID,
    limits: { cpuMillicores: 2_000, memoryMb: 1_024, maxProcesses: 256, maxFileBytes: 1024 ** 3 },
    gateway: {
      socketPath,
      token: await signTaskToken({ workspaceId, taskId: randomUUID(), expiresInSeconds: 3_600 }, KEY),
    },
    environment: IDENTITY_ENV,
  };

  return {
    ...world,
    rootDir,
    workspaceId,
    workspaceDir,
    repositories,
    volume,
    sandbox,
    profile,
    live,
    push,
    ensure: ({ taskId = randomUUID(), ref, url = world.url, signal, sandbox: other } = {}) =>
      repositories.ensure({
        workspaceId,
        taskId,
        repository: { url, name: "shop", ...(ref !== undefined && { ref }) },
        sandbox: other ?? sandbox,
        profile,
        signal: signal ?? new AbortController().signal,
      }),
    async agent(script) {
      let output = "";
      const exit = await sandbox.run(profile, {
        argv: ["sh", "-ec", script],
        cwd: "repos/shop",
        environment: {},
        timeoutMs: 60_000,
        signal: new AbortController().signal,
        onOutput: (_stream, text) => void (output += text),
      });
      if (exit.exitCode !== 0) throw new Error(`the agent's command failed: ${output}`);
      return output.trim();
    },
    async [Symbol.asyncDispose]() {
      await meter.close();
      await gateway.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
