import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { runCli, startCli, type CliResult } from "../support/cli.ts";
import { redisIsMissing } from "../support/redis.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

/** Names and kinds that a careless copy loses, follows or trips over. */
const MAKE_FILES = String.raw`
import os, socket
os.makedirs("artifacts/many", exist_ok=True)
for n in range(1500):
    with open(f"artifacts/many/{n}", "w") as f: f.write(str(n) * (n % 50))
os.makedirs("repos/shop/empty", exist_ok=True)
raw = os.fsencode("artifacts") + b"/"
for name in [b"new\nline", b"tab\there", b"-rf", b"*", b" ", b"invalid-\xff\xfe", "ä€𝄞".encode(), b"back\\slash", b"n" * 255]:
    with open(raw + name, "wb") as f: f.write(os.urandom(100))
deep = b"artifacts" + b"/deeper-folder" * 30
os.makedirs(deep)
open(deep + b"/end", "w").close()
os.symlink("/etc/passwd", "artifacts/absolute"); os.symlink("nowhere", "artifacts/dangling"); os.symlink("many", "artifacts/folder")
os.symlink("..", "repos/shop/up")
os.link("artifacts/many/7", "artifacts/hard")
with open("artifacts/sparse", "wb") as f: f.seek(30_000_000); f.write(b"end")
os.chmod("artifacts/many/1", 0o4751); os.chmod("artifacts/many/2", 0o444); os.chmod("repos/shop/empty", 0o500)
os.mkfifo("artifacts/pipe")
os.utime("artifacts/many/3", ns=(1, 981173106123456789))
with open("at-the-root", "w") as f: f.write("here")
`;

const nightly = { steps: [{ tool: "execute_command", input: { argv: ["true"] } }] };

describe("a workspace that is carried to another installation", () => {
  let home: TestPlatform;
  let abroad: TestPlatform;
  let workspaceId: string;

  before(async () => {
    home = await startPlatform();
    // As the pilot phase has it: queues on Redis, services that share no folder.
    const queue = (await redisIsMissing()) === false ? "redis" : "postgres";
    abroad = await startPlatform({ queue, apart: true });
    workspaceId = await home.createWorkspace({ plan: "business", name: "shop", egressRules: ["example.com"] });
    await home.request("POST", `/api/workspaces/${workspaceId}/exec`, { argv: ["python3", "-c", MAKE_FILES] });
    await run(home, ["true"]);
    await run(home, ["false"], "failed");
    await home.request("POST", `/api/workspaces/${workspaceId}/schedules`, {
      ...{ name: "nightly", cron: "0 3 * * *", timeZone: "Europe/Berlin" },
      task: nightly,
    });
    const step = (id: string, dependsOn: string[]) => ({ id, dependsOn, task: { steps: nightly.steps } });
    const { executionId } = await home.request<{ executionId: string }>("POST", "/api/workflows/build/execute", {
      ...{ workspaceId, recipe: { steps: [step("make", []), step("check", ["make"])] } },
    });
    await untilExecuted(executionId);
    await home.request("PUT", `/api/workspaces/${workspaceId}/credentials/npm`, {
      ...{ kind: "env", variable: "NPM_TOKEN", value: "a secret of home" },
    });
  });

  after(async () => {
    await Promise.all([home.stop(), abroad.stop()]);
  });

  async function run(at: TestPlatform, argv: string[], status = "completed"): Promise<string> {
    const taskId = randomUUID();
    const steps = [{ tool: "execute_command", input: { argv } }];
    await at.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    const result = await at.request<{ status: string }>("GET", `/api/tasks/${taskId}/result?wait=60`);
    assert.equal(result.status, status);
    return taskId;
  }

  async function untilExecuted(executionId: string): Promise<void> {
    for (;;) {
      const { status } = await home.request<{ status: string }>("GET", `/api/workflow-executions/${executionId}`);
      if (status === "completed") return;
      assert.equal(status, "running");
      await setTimeout(100);
    }
  }

  const command = (from: TestPlatform, to: TestPlatform, ...options: string[]) =>
    [
      ["workspace", "move", workspaceId, "--to", to.apiUrl, ...options],
      {
        env: {
          ...{ AUTOMATOS_API_URL: from.apiUrl, AUTOMATOS_TOKEN: from.adminToken },
          AUTOMATOS_TO_TOKEN: to.adminToken,
        },
      },
    ] as const;
  const move = (from: TestPlatform, to: TestPlatform, ...options: string[]): Promise<CliResult> =>
    runCli(...command(from, to, ...options));
  const stateAt = async (at: TestPlatform): Promise<string> =>
    (await at.request<{ state: string }>("GET", `/api/workspaces/${workspaceId}/move`)).state;

  /** All that the API tells of the workspace's past, but for where it is told. */
  async function history(at: TestPlatform): Promise<unknown> {
    const { items } = await at.request<{ items: { taskId: string }[] }>("GET", `/api/tasks?workspaceId=${workspaceId}`);
    const tasks = await Promise.all(
      items.map(async (status) => {
        const events = await fetch(`${at.apiUrl}/api/tasks/${status.taskId}/events`, {
          headers: { authorization: `Bearer ${at.adminToken}`, accept: "text/event-stream" },
        });
        return [status, await at.request("GET", `/api/tasks/${status.taskId}/result`), await events.text()];
      }),
    );
    const schedules = await at.request("GET", `/api/workspaces/${workspaceId}/schedules`);
    const executions = await at.request("GET", `/api/workflow-executions?workspaceId=${workspaceId}`);
    return { tasks, schedules, executions, workspace: await at.request("GET", `/api/workspaces/${workspaceId}`) };
  }

  it("stays closed while it is at work, and opens again when the move is given up", async () => {
    const taskId = randomUUID();
    const steps = [{ tool: "execute_command", input: { argv: ["tail", "-f", "/dev/null"], timeoutSeconds: 100 } }];
    await home.request("POST", "/api/tasks", { taskId, workspaceId, steps });
    const busy = await move(home, abroad, "--wait", "0");
    assert.equal(busy.code, 1, busy.stderr);
    assert.match(busy.stderr, /is still at work after 0 s/);
    const submit = home.request("POST", "/api/tasks", { workspaceId, steps });
    await assert.rejects(submit, /409.*WORKSPACE_MOVING/);
    await assert.rejects(
      home.request("POST", `/api/workspaces/${workspaceId}/exec`, { argv: ["true"] }),
      /WORKSPACE_MOVING/,
    );
    assert.match((await move(home, abroad, "--status")).stdout, /leaving/);
    // Whoever is not the other side of this move neither ends it nor takes its place.
    const elsewhere = { ...abroad, apiUrl: abroad.apiUrl.replace("127.0.0.1", "localhost") };
    for (const options of [[], ["--abort"]]) {
      assert.match((await move(home, elsewhere, ...options)).stderr, /is leaving, of a move with .*127\.0\.0\.1/);
    }

    const given = await move(home, abroad, "--abort");
    assert.equal(given.code, 0, given.stderr);
    assert.equal(await stateAt(home), "open");
    await home.request("POST", `/api/tasks/${taskId}/cancel`);
    await home.request("GET", `/api/tasks/${taskId}/result?wait=30`);
    await run(home, ["true"]);
  });

  it("says which files cannot be read, and goes on when they can", async () => {
    const close = { argv: ["python3", "-c", "import os; os.chmod('artifacts/many/5', 0)"] };
    await home.request("POST", `/api/workspaces/${workspaceId}/exec`, close);
    const refused = await move(home, abroad);
    assert.equal(refused.code, 6, refused.stderr);
    assert.match(refused.stderr, /cannot read: \.\/artifacts\/many\/5/);
    assert.equal(await stateAt(abroad), "arriving");
    assert.equal((await move(home, abroad, "--abort")).code, 0);
    await assert.rejects(abroad.request("GET", `/api/workspaces/${workspaceId}`), /404/);
    const open = { argv: ["python3", "-c", "import os; os.chmod('artifacts/many/5', 0o600)"] };
    await home.request("POST", `/api/workspaces/${workspaceId}/exec`, open);
  });

  it("comes with all of its history and files, after a command line and a worker that were killed", async () => {
    const [before, filesBefore] = [await history(home), await tree(home)];
    const killed = startCli(...command(home, abroad));
    killed.process.stderr?.on("data", () => {
      if (killed.output.stderr.includes("carrying its record")) killed.process.kill("SIGKILL");
    });
    await killed.ended;
    await abroad.workers[0]?.kill();
    const lost = await move(home, abroad);
    assert.equal(lost.code, 6, lost.stdout);
    await abroad.workers[0]?.start();

    const moved = await move(home, abroad);
    assert.equal(moved.code, 0, moved.stderr);
    assert.match(moved.stdout, /credentials to be set there anew: npm/);
    assert.deepEqual(await history(abroad), before);
    assert.deepEqual(await tree(abroad), filesBefore);
    assert.equal(await stateAt(home), "moved");
    assert.equal(await stateAt(abroad), "open");
    await assert.rejects(run(home, ["true"]), /409.*has moved to.*WORKSPACE_MOVED/);
    assert.equal((await move(home, abroad)).code, 0, "the same again changes nothing");
  });

  it("lives there, and comes back with what it has done there", async () => {
    const taskId = await run(abroad, ["cp", "at-the-root", "artifacts/made-abroad"]);
    const [before, filesBefore] = [await history(abroad), await tree(abroad)];
    const moved = await move(abroad, home);
    assert.equal(moved.code, 0, moved.stderr);
    assert.deepEqual(await history(home), before);
    assert.deepEqual(await tree(home), filesBefore);
    assert.equal(await stateAt(abroad), "moved");
    assert.ok(JSON.stringify(before).includes(taskId));
    await run(home, ["grep", "-q", "here", "artifacts/made-abroad"]);
  });

  /** Everything in the workspace, read by this test itself. */
  async function tree(at: TestPlatform): Promise<string[]> {
    const root = Buffer.from(path.join(at.workspacesDir, workspaceId));
    const found: string[] = [];
    const visit = async (folder: Buffer): Promise<void> => {
      for (const name of await readdir(folder, { encoding: "buffer" })) {
        const file = Buffer.concat([folder, Buffer.from("/"), name]);
        const shown = file.subarray(root.length + 1).toString("latin1");
        if (shown === "tasks" || shown === ".workspace_meta.json") continue;
        const stats = await lstat(file, { bigint: true });
        const mode = (stats.mode & 0o7777n).toString(8);
        if (stats.isDirectory()) {
          found.push(`${shown} folder ${mode}`);
          await visit(file);
        } else if (stats.isSymbolicLink()) found.push(`${shown} -> ${await readlink(file)}`);
        else if (stats.isFile()) {
          const hash = createHash("sha256")
            .update(await readFile(file))
            .digest("hex");
          found.push(`${shown} ${mode} ${stats.mtimeNs} ${stats.nlink} ${hash}`);
        } else found.push(`${shown} other ${mode}`);
      }
    };
    await visit(root);
    return found.sort();
  }
});
