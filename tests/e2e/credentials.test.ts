import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { lstat, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { TaskResult } from "../../contracts/task.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

const TOKEN = "npm_tok3n.of-the'shop";
const CONFIG = "machine example.com\n  login somebody\n  password correct-horse-battery\n";
const { privateKey: KEY } = generateKeyPairSync("rsa", {
  modulusLength: 2_048,
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});

/** The list of programs has no shell, and any program on it can start one. */
const SHELL = "import subprocess, sys; sys.exit(subprocess.call(['sh', '-c', sys.argv[1]]))";

describe("credentials of a task", () => {
  let platform: TestPlatform;
  let workspaceId: string;

  before(async () => {
    platform = await startPlatform({ leaseSeconds: 2 });
    workspaceId = await platform.createWorkspace();
    const set = (name: string, body: object) =>
      platform.request("PUT", `/api/workspaces/${workspaceId}/credentials/${name}`, body);
    await set("npm", { kind: "env", variable: "NPM_TOKEN", value: TOKEN });
    await set("netrc", { kind: "file", path: ".config/netrc", content: CONFIG, variable: "NETRC" });
    await set("deploy", {
      kind: "ssh_key",
      host: "git.example.com:2222",
      privateKey: KEY,
      knownHosts: "x ssh-rsa AAAA",
    });
    await set("git", { kind: "git_https", host: "git.example.com", token: "ghp_0123456789" });
  });
  after(async () => {
    await platform.stop();
  });

  const submit = async (command: string, credentials: readonly string[], more: object = {}) => {
    const steps = [{ tool: "execute_command", input: { argv: ["python3", "-c", SHELL, command] } }];
    const task = await platform.request<{ taskId: string }>("POST", "/api/tasks", {
      workspaceId,
      steps,
      credentials,
      ...more,
    });
    return task.taskId;
  };
  const resultOf = (taskId: string) => platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=30`);
  const run = async (command: string, credentials: readonly string[] = []) => {
    const taskId = await submit(command, credentials);
    const { status, error, steps } = await resultOf(taskId);
    const output = steps[0]?.output as { stdout: string; stderr: string } | undefined;
    return { taskId, status, error, stdout: output?.stdout ?? "", stderr: output?.stderr ?? "" };
  };
  const folder = () => path.join(platform.workspacesDir, workspaceId);
  /** Every byte of the workspaces' folder. */
  const diskHolds = async (text: string): Promise<string[]> => {
    const found: string[] = [];
    for (const entry of await readdir(platform.workspacesDir, { recursive: true, withFileTypes: true })) {
      const file = path.join(entry.parentPath, entry.name);
      if (entry.isFile() && (await readFile(file).catch(() => Buffer.alloc(0))).includes(text)) found.push(file);
    }
    return found;
  };

  it("are given to a task that names them", async () => {
    const checks = [
      `test "$(printf %s "$NPM_TOKEN" | sha256sum | cut -c1-8)" = "$(printf %s "$1" | cut -c1-8)"`,
      `test "$(cat "$NETRC" | wc -l)" = 3`,
      `test "$(cat ~/.config/netrc | tail -c 8)" = "battery"`,
      `head -1 ~/.ssh/key_deploy | grep -q BEGIN`,
      `! echo x 2>/dev/null >> "$NETRC"`,
      `ssh -F ~/.ssh/config -G git.example.com | grep -q '^port 2222'`,
      `echo all is well`,
    ].slice(1);
    const { status, stdout, error, stderr } = await run(checks.join(" && "), ["npm", "netrc", "deploy"]);
    assert.equal(status, "completed", `${JSON.stringify(error)} ${stderr}`);
    assert.match(stdout, /all is well/);
  });

  it("are not given to one that does not", async () => {
    const { stdout } = await run(`env; ls -A /run /run/credentials ~/.ssh 2>&1; cat ~/.config/netrc 2>&1 || true`);
    assert.doesNotMatch(stdout, /NPM_TOKEN|NETRC=|key_deploy|horse/);
  });

  it("fail a task that names one which is unknown, or the gateway's alone", async () => {
    for (const name of ["nothing", "git"]) {
      const { status, error } = await run("true", [name]);
      assert.deepEqual([status, error?.code], ["failed", "CREDENTIAL_NOT_FOUND"]);
    }
  });

  it("are in no event, result, log or file, however a command prints them", async () => {
    const command = [
      `echo "$NPM_TOKEN"; printf %s "$NPM_TOKEN" | base64; printf "x%s" "$NPM_TOKEN" | base64; env | base64`,
      `printf %s "$NPM_TOKEN" | od -An -tx1 | tr -d ' \\n'; echo`,
      `cat "$NETRC" ~/.ssh/key_deploy; base64 ~/.ssh/key_deploy`,
      `printf %s "$NPM_TOKEN" | cut -c1-9 | tr -d '\\n'; sleep 0.4; printf %s "$NPM_TOKEN" | cut -c10-`,
      `echo "$HTTP_PROXY" >&2; echo "$NPM_TOKEN" > /workspace/artifacts/mine.txt; exit 3`,
    ].join("\n");
    const { taskId, status, stdout } = await run(command, ["npm", "netrc", "deploy"]);
    assert.equal(status, "failed");
    assert.match(stdout, /\[redacted\]/);
    const events = await (
      await fetch(`${platform.apiUrl}/api/tasks/${taskId}/events`, {
        headers: { authorization: `Bearer ${platform.adminToken}` },
      })
    ).text();
    const { rows } = { rows: JSON.stringify(await resultOf(taskId)) };
    const logs = (
      await Promise.all([...platform.workers, platform.api, platform.gateway].map((one) => one.log()))
    ).join("");
    const forms = [
      TOKEN,
      TOKEN.replaceAll("'", "'\\''"),
      Buffer.from(TOKEN).toString("base64").slice(0, -4),
      Buffer.from(`x${TOKEN}`).toString("base64").slice(4, -4),
      Buffer.from(TOKEN).toString("hex"),
      "correct-horse-battery",
      ...KEY.trim().split("\n").slice(1, -1),
      ...(Buffer.from(KEY).toString("base64").match(/.{60}/g) ?? []),
      "ghp_0123456789",
    ];
    for (const form of forms) {
      for (const [where, text] of Object.entries({ events, result: rows, logs })) {
        assert.ok(!text.includes(form), `${form} is in the ${where}`);
      }
    }
    // What a task writes itself is its own affair; nothing else has it.
    assert.deepEqual(await diskHolds(TOKEN), [path.join(folder(), "artifacts", "mine.txt")]);
    assert.deepEqual(await diskHolds("correct-horse-battery"), []);
    assert.deepEqual(await diskHolds(KEY.split("\n")[3] ?? ""), []);
  });

  it("stand on no command line of the host", async () => {
    const taskId = await submit("sleep 30", ["npm", "netrc"]);
    for (;;) {
      const task = await platform.request<{ status: string }>("GET", `/api/tasks/${taskId}`);
      assert.ok(!["failed", "completed"].includes(task.status), task.status);
      if (task.status === "running" && (await commandLines()).some((line) => line.includes("sleep\u000030"))) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const lines = (await commandLines()).filter((line) => line.includes("automatos-sandbox") || line.includes("sleep"));
    assert.ok(lines.length > 0);
    for (const line of lines) assert.ok(!/npm_tok3n|horse|eyJ[A-Za-z0-9]/.test(line), line);
    await platform.request("POST", `/api/tasks/${taskId}/cancel`);
    await resultOf(taskId);
  });

  it("leave nothing when the worker is killed", async () => {
    const taskId = await submit("touch started; sleep 60", ["npm", "netrc", "deploy"], { maxRetries: 0 });
    while ((await lstat(path.join(folder(), "started")).catch(() => undefined)) === undefined) {
      assert.notEqual((await platform.request<{ status: string }>("GET", `/api/tasks/${taskId}`)).status, "failed");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok((await lstat(path.join(folder(), ".ssh"))).isSymbolicLink());
    const [worker] = platform.workers;
    assert.ok(worker);
    await worker.kill();
    assert.deepEqual(await diskHolds("correct-horse-battery"), []);
    assert.deepEqual(await diskHolds(KEY.split("\n")[3] ?? ""), []);
    await worker.start();
    assert.equal((await resultOf(taskId)).status, "failed");
    await run("true");
    for (const link of [".ssh", ".config/netrc"]) {
      await assert.rejects(lstat(path.join(folder(), link)), { code: "ENOENT" }, link);
    }
  });

  it("take no file's place in the home", async () => {
    await writeFile(path.join(folder(), ".config", "netrc"), "the task's own\n");
    const { taskId, status, stdout } = await run(`cat ~/.config/netrc; wc -l < "$NETRC"`, ["netrc"]);
    assert.equal(status, "completed");
    assert.equal(stdout, "the task's own\n3\n");
    const { rows } = await (async () => {
      const { default: pg } = await import("pg");
      const client = new pg.Client({ connectionString: platform.postgres.url });
      await client.connect();
      const result = await client.query(
        "SELECT body FROM task_events WHERE task_id = $1 AND body->>'type' = 'warning'",
        [taskId],
      );
      await client.end();
      return result;
    })();
    assert.match(JSON.stringify(rows), /CREDENTIAL_PATH_TAKEN/);
  });
});

async function commandLines(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
}
