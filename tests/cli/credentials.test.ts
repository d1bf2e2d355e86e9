import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import type { TaskDetails } from "../../contracts/http-api.ts";
import { expectJson, startApi, type TestApi } from "../support/api.ts";
import { runCli } from "../support/cli.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

const SECRET = "npm_0123456789abcdef";

describe("automatos workspace credentials", () => {
  let postgres: TestPostgres;
  let api: TestApi;
  let folder: string;
  let env: Record<string, string>;

  before(async () => {
    postgres = await startPostgres();
    api = await startApi(postgres);
    folder = await mkdtemp(path.join(tmpdir(), "automatos-cli-"));
    const { workspaceId } = await api.createWorkspace();
    env = {
      AUTOMATOS_API_URL: await api.url(),
      AUTOMATOS_TOKEN: api.adminToken,
      AUTOMATOS_WORKSPACE: workspaceId,
    };
  });
  after(async () => {
    await api.stop();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const run = (args: readonly string[], input = "") => runCli(args, { env, cwd: folder, input });
  const credentials = (...args: string[]) => ["workspace", "credentials", ...args];

  it("takes values from the standard input or a file, and shows none", async () => {
    const set = await run(credentials("set", "npm", "--kind", "env", "--variable", "NPM_TOKEN"), `${SECRET}\n`);
    assert.deepEqual([set.code, set.stdout], [0, "npm is set (version 1)\n"], set.stderr);

    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2_048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    await writeFile(path.join(folder, "key"), privateKey);
    await writeFile(path.join(folder, "known"), "git.example.com ssh-ed25519 AAAA\n");
    const host = ["--kind", "ssh_key", "--host", "git.example.com", "--file", "key", "--known-hosts", "known"];
    const key = await run(credentials("set", "deploy", ...host));
    assert.equal(key.code, 0, key.stderr);

    const list = await run(credentials("ls"));
    assert.match(list.stdout, /deploy +ssh_key +git@git\.example\.com/);
    assert.match(list.stdout, /npm +env +NPM_TOKEN +1/);
    assert.doesNotMatch(list.stdout + set.stdout + key.stdout, /npm_0123|PRIVATE KEY/);
    const removed = await run(credentials("rm", "deploy"));
    assert.equal(removed.code, 0, removed.stderr);
  });

  it("are named by the tasks that get them", async () => {
    const args = ["task", "run", "--detach", "--credential", "npm,deploy", "--command", "true", "--json"];
    const submitted = await run(args);
    assert.equal(submitted.code, 0, submitted.stderr);
    const { taskId } = JSON.parse(submitted.stdout) as { taskId: string };
    const shown = expectJson<TaskDetails>(await api.request("GET", `/api/tasks/${taskId}`), 200);
    assert.deepEqual(shown.task.credentials, ["npm", "deploy"]);
  });

  it("refuses a value on the command line, and what is missing", async () => {
    const surplus = await run(credentials("set", "npm", SECRET, "--kind", "env"));
    assert.notEqual(surplus.code, 0);
    assert.match(surplus.stderr, /can be read by others/);
    for (const [args, message] of [
      [["set", "x", "--kind", "nothing"], /nothing is no kind/],
      [["set", "x", "--kind", "git_https"], /--host is missing/],
      [["set", "x", "--kind", "file"], /--path is missing/],
      [["set", "x", "--kind", "env", "--variable", "PATH"], /sandbox itself/],
    ] as const) {
      const { code, stderr } = await run(credentials(...args), SECRET);
      assert.notEqual(code, 0);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /npm_0123/);
    }
  });

  it("shows the keys to an administrator, and rotates", async () => {
    const keys = await run(["admin", "credential-keys"]);
    assert.match(keys.stdout, /test +current +1/);
    const rotated = await run(["admin", "credential-keys", "rotate"]);
    assert.equal(rotated.code, 0, rotated.stderr);
    assert.match(rotated.stdout, /0 encrypted anew, 0 left/);
  });
});
