import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import type { AgentTaskInput, TaskResult } from "../../contracts/task.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

/**
 * What a task's command can see of the running platform: asked by real tasks of a real worker. The sandbox alone is
 * attacked in tests/services/sandbox/; here the question is whether the worker sets it up so.
 */
describe("from inside a task's sandbox", () => {
  let platform: TestPlatform;
  let attacker: string;
  let victim: string;

  before(async () => {
    platform = await startPlatform();
    attacker = await platform.createWorkspace();
    victim = await platform.createWorkspace();
    const planted = await inside(victim, {
      tool: "write_file",
      input: { path: "artifacts/secret.txt", content: "victim's" },
    });
    assert.equal(planted.status, "completed", JSON.stringify(planted));
  });

  after(() => platform.stop());

  async function inside(workspaceId: string, step: NonNullable<AgentTaskInput["steps"]>[number]): Promise<TaskResult> {
    const taskId = randomUUID();
    await platform.request("POST", "/api/tasks", { taskId, workspaceId, steps: [step] });
    return platform.request<TaskResult>("GET", `/api/tasks/${taskId}/result?wait=30`);
  }

  /** Runs JavaScript inside; what it prints. */
  async function evaluate(script: string): Promise<string> {
    const result = await inside(attacker, {
      tool: "execute_command",
      input: { argv: ["node", "--input-type=module", "-e", script], timeoutSeconds: 30 },
    });
    assert.equal(result.status, "completed", JSON.stringify(result, null, 1));
    return JSON.stringify(result.steps[0]?.output);
  }

  it("shows no environment of the service, in no process", async () => {
    const seen = await evaluate(`
      import fs from "node:fs";
      console.log(JSON.stringify(process.env));
      for (const entry of fs.readdirSync("/proc")) {
        if (!/^[0-9]+$/.test(entry)) continue;
        try { console.log(entry, fs.readFileSync("/proc/" + entry + "/environ", "utf8"), fs.readFileSync("/proc/" + entry + "/cmdline", "utf8")); }
        catch (error) { console.log(entry, error.code); }
      }`);
    assert.match(seen, /AUTOMATOS_TASK_ID/);
    for (const secret of ["DATABASE_URL", "postgres://", "TASK_TOKEN_KEY", platform.adminToken, platform.directory]) {
      assert.ok(!seen.includes(secret), `${secret} is visible: ${seen}`);
    }
  });

  it("shows no other workspace and no file of the service", async () => {
    const seen = await evaluate(`
      import fs from "node:fs";
      for (const path of ${JSON.stringify([platform.workspacesDir, `${platform.workspacesDir}/${victim}`, platform.directory, process.cwd(), "/root", "/home"])}) {
        try { console.log("SEEN", path, fs.readdirSync(path).join()); } catch (error) { console.log(path, error.code); }
      }
      console.log(fs.readdirSync("/workspace").join());`);
    assert.ok(!seen.includes("SEEN"), seen);
    assert.match(seen, /artifacts/);
    const reached = await inside(attacker, { tool: "read_file", input: { path: `../${victim}/artifacts/secret.txt` } });
    assert.equal(reached.status, "failed");
    assert.equal(reached.steps[0]?.error?.code, "PATH_OUTSIDE_WORKSPACE");
  });

  it("reaches neither the record nor any other port of this machine directly", async () => {
    const ports = [
      platform.postgres.port,
      ...[platform.apiUrl, platform.gateway.healthUrl].map((url) => Number(new URL(url).port)),
    ];
    const seen = await evaluate(`
      import net from "node:net";
      for (const port of ${JSON.stringify(ports)}) {
        await new Promise((resolve) => net.connect(port, "127.0.0.1")
          .on("connect", () => resolve(console.log("REACHED", port)))
          .on("error", (error) => resolve(console.log(port, error.code))));
      }
      console.log((await import("node:os")).networkInterfaces());
      process.exit(0);`);
    assert.ok(!seen.includes("REACHED"), seen);
    assert.match(seen, /ECONNREFUSED/);
    assert.ok(!seen.includes("eth"), seen);
  });

  it("is refused by the gateway what no rule names: the record, private and metadata addresses", async () => {
    const destinations = [
      `127.0.0.1:${platform.postgres.port}`,
      "10.0.0.1:443",
      "192.168.0.1:443",
      "169.254.169.254:80",
      "[::1]:443",
    ];
    const seen = await evaluate(`
      import net from "node:net";
      const proxy = new URL(process.env.HTTPS_PROXY);
      const token = Buffer.from(decodeURIComponent(proxy.username) + ":" + decodeURIComponent(proxy.password)).toString("base64");
      const ask = (destination, headers) => new Promise((resolve) => {
        const socket = net.connect(proxy.port, proxy.hostname, () => socket.write("CONNECT " + destination + " HTTP/1.1\\r\\nHost: " + destination + "\\r\\n" + headers + "\\r\\n"));
        socket.once("data", (data) => { resolve(data.toString().split(" ")[1]); socket.destroy(); });
        socket.once("error", (error) => resolve(error.code));
      });
      for (const destination of ${JSON.stringify(destinations)}) {
        console.log(destination, await ask(destination, "Proxy-Authorization: Basic " + token + "\\r\\n"));
      }
      console.log("no token", await ask("github.com:443", ""));
      console.log("forged", await ask("github.com:443", "Proxy-Authorization: Basic dGFzazpmb3JnZWQ=\\r\\n"));`);
    for (const destination of destinations) assert.ok(seen.includes(`${destination} 403`), `${destination}: ${seen}`);
    assert.ok(seen.includes("no token 407") && seen.includes("forged 407"), seen);
  });
});
