import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { freePorts } from "../../support/ports.ts";

const MAIN = path.resolve(import.meta.dirname, "../../../services/worker/main.ts");
const missing =
  process.getuid?.() !== 0 || !existsSync("/usr/bin/setpriv")
    ? "a worker without the right to make namespaces is started by root with setpriv (util-linux)"
    : false;

interface Started {
  readonly log: () => string;
  /** The body of /readyz, and its status. */
  readonly ready: () => Promise<{ readonly status: number; readonly checks: Record<string, string> }>;
  readonly exited: Promise<number | null>;
  readonly end: () => Promise<number | null>;
}

describe("a worker that cannot make sandboxes", { skip: missing }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "automatos-worker-"));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  /** A real worker whose process may make no namespace, as in containers of some hosts. Its database is not there. */
  const start = async (environment: Record<string, string>): Promise<Started> => {
    const [port = 0, nobody = 0] = await freePorts(2);
    const child: ChildProcess = spawn(
      "/usr/bin/setpriv",
      ["--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs", "--", process.execPath, MAIN],
      {
        env: {
          PATH: process.env["PATH"],
          HEALTH_PORT: String(port),
          DATABASE_URL: `postgresql://nobody:x@127.0.0.1:${nobody}/x`,
          WORKSPACES_DIR: path.join(directory, "workspaces"),
          WORKSPACE_QUOTA: "count",
          RUNTIME_DIR: path.join(directory, "run"),
          GATEWAY_SOCKET: path.join(directory, "gateway.sock"),
          TASK_TOKEN_KEY: randomBytes(32).toString("base64"),
          CREDENTIAL_KEYS: `test:${randomBytes(32).toString("base64")}`,
          ...environment,
        },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let log = "";
    const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
    const collect = (chunk: Buffer) => (log += chunk.toString());
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    const ready = async () => {
      for (;;) {
        assert.equal(child.exitCode, null, log);
        try {
          const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
          const { checks } = (await answer.json()) as { checks: Record<string, string> };
          return { status: answer.status, checks };
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 50)); // it does not listen yet
        }
      }
    };
    return {
      log: () => log,
      ready,
      exited,
      end: () => {
        child.kill("SIGTERM");
        return exited;
      },
    };
  };

  it("takes no tasks and is not ready where it must, says why, and ends as it is asked to", async () => {
    const worker = await start({ SANDBOX_REQUIRED: "true" });
    try {
      const { status, checks } = await worker.ready();
      assert.equal(status, 503);
      assert.match(checks["sandbox"] ?? "", /execute_command needs a sandbox: bubblewrap cannot make namespaces here/);
      assert.match(worker.log(), /"event":"sandbox_required".*bubblewrap cannot make namespaces here.*takes no tasks/);
    } finally {
      assert.equal(await worker.end(), 0, worker.log());
    }
    assert.doesNotMatch(worker.log(), /"event":"crashed"/, "it did not begin its work, for which it has no database");
  });

  const GOES_ON: [string, Record<string, string>, RegExp][] = [
    ["where it need not have one", {}, /"event":"sandbox_unavailable".*commands are refused/],
    ["where its commands run bare", { SANDBOX_REQUIRED: "true", AUTOMATOS_SANDBOX: "none" }, /"event":"sandbox_none"/],
  ];
  for (const [where, environment, warning] of GOES_ON) {
    it(`goes on to its work ${where}, with a warning`, async () => {
      const worker = await start(environment);
      await worker.exited; // it has no database
      assert.match(worker.log(), warning);
      assert.match(worker.log(), /waitForMigrations/);
      assert.doesNotMatch(worker.log(), /sandbox_required/);
    });
  }
});
