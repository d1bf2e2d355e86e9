import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { hostname } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { identityOf, startTimeOf } from "../../components/local/process-table.ts";
import { finish, makeStackProject, type StackProject } from "../stacks/stack-project.ts";

describe("npm start and npm run down, without the services' own work", () => {
  let project: StackProject;

  before(async () => {
    project = await makeStackProject();
  });
  after(() => project.remove());

  const start = () => project.script("scripts/start.ts");
  const down = (...args: string[]) => project.script("scripts/down.ts", ...args);
  const alive = async () => (await project.starts()).filter(({ pid }) => startTimeOf(pid) !== undefined);
  /** What is left of the platform, beside compiled code. */
  const kept = () => {
    const names = readdirSync(path.join(project.dir, ".automatos"));
    return names.filter((name) => name !== "compile-cache").sort();
  };
  const locks = () => path.join(project.dir, ".pulumi", "locks", "organization", "automatos", "dev");
  const lock = (pid: number) => {
    mkdirSync(locks(), { recursive: true });
    const content = { pid, username: "someone", hostname: hostname(), timestamp: new Date().toISOString() };
    writeFileSync(path.join(locks(), "0.json"), JSON.stringify(content));
  };
  const up = async () => {
    assert.equal((await project.pulumi("stack", "select", "dev", "--create")).code, 0);
    const { code, output } = await project.pulumi("up", "--stack", "dev", "--yes", "--skip-preview");
    assert.equal(code, 0, output);
  };

  it("start says every taken port, who has it and which key sets another, before anything starts", async () => {
    const servers = [project.ports.api, project.ports.postgres].map((port) => createServer().listen(port, "127.0.0.1"));
    await Promise.all(servers.map((server) => once(server, "listening")));
    const { code, output } = await start();
    for (const server of servers) server.close();
    assert.equal(code, 1);
    assert.match(
      output,
      new RegExp(`port ${project.ports.api} of the API is taken by process ${process.pid} .*ports\\.api`),
    );
    assert.match(output, new RegExp(`port ${project.ports.postgres} of PostgreSQL .*ports\\.postgres`));
    assert.ok(!existsSync(path.join(project.dir, ".pulumi")));
    assert.deepEqual(await project.starts(), []);
  });

  it("start says all mistakes in Pulumi.dev.yaml, and a phase that is not built", async () => {
    await project.setSetting(["workers"], 0);
    await project.setSetting(["worker"], 1);
    const { code, output } = await start();
    assert.equal(code, 1);
    assert.match(output, /Pulumi\.dev\.yaml/);
    assert.ok(output.includes('"worker"') && output.includes("workers"), output);
    await project.setSetting(["worker"], undefined);
    await project.setSetting(["workers"], 1);
    await project.setSetting(["phase"], "airgapped");
    assert.match((await start()).output, /phase airgapped is known and not built yet/);
    await project.setSetting(["phase"], "local");
  });

  it("start says what is the matter with a Pulumi.dev.yaml that is no YAML, or not there", async () => {
    const file = path.join(project.dir, "Pulumi.dev.yaml");
    const whole = readFileSync(file, "utf8");
    writeFileSync(file, "config: [\n");
    const broken = await start();
    rmSync(file);
    const missing = await start();
    writeFileSync(file, whole);
    assert.match(broken.output, /Pulumi\.dev\.yaml is no YAML.*git checkout Pulumi\.dev\.yaml/s);
    assert.match(missing.output, /Pulumi\.dev\.yaml is not there.*git checkout Pulumi\.dev\.yaml/s);
    for (const { code, output } of [broken, missing]) {
      assert.equal(code, 1);
      assert.doesNotMatch(output, /\n\s+at /);
    }
  });

  it("start waits for another start, names it, and ends with 130 when interrupted", async () => {
    const file = path.join(project.dir, ".automatos", "start.lock");
    writeFileSync(file, JSON.stringify(identityOf(process.pid)));
    const child = project.spawnScript("scripts/start.ts");
    child.stdout?.once("data", () => child.kill("SIGINT"));
    const { code, output } = await finish(child);
    assert.ok(existsSync(file), "the other's lock is left alone");
    rmSync(file);
    assert.equal(code, 130);
    assert.match(output, new RegExp(`another .npm start. .*\\(process ${process.pid}\\) is at work; waiting`));
    assert.match(output, /interrupted; run `npm start` again/);
  });

  it("start waits for a pulumi that is at work, and names it", async () => {
    const server = createServer().listen(project.ports.api, "127.0.0.1"); // ends the start once it has waited
    await once(server, "listening");
    lock(process.pid);
    const child = project.spawnScript("scripts/start.ts");
    child.stdout?.once("data", (line: Buffer) => {
      assert.match(
        line.toString(),
        new RegExp(`found: another pulumi \\(process ${process.pid}, since .*waiting for it`),
      );
      rmSync(locks(), { recursive: true });
    });
    const { code, output } = await finish(child);
    server.close();
    assert.equal(code, 1);
    assert.match(output, /ports\.api/);
  });

  it("start finds a killed pulumi's lock and killed processes, says so, and repairs both", async () => {
    await up();
    const [killed] = await alive();
    assert.ok(killed);
    process.kill(killed.pid, "SIGKILL");
    const NOBODY = 4_194_303; // the largest number a process can have, never given out in practice
    lock(NOBODY);
    // the stand-in API knows no workspaces, so that the start ends there: the platform is up by then
    const { output } = await start();
    assert.match(output, /found: the lock of a pulumi that was killed; removing it/);
    assert.match(output, /found: \S+ \(process \d+\) is not running; starting it again/);
    assert.equal((await alive()).length, 3, output);
  });

  it("shows loudly that there is no sandbox", async () => {
    await project.setSetting(["sandbox"], "none");
    await project.setSetting(["ports", "api"], project.ports.gateway); // ends the start early
    const { output } = await start();
    assert.match(output, /!! NO SANDBOX/);
    await project.setSetting(["ports", "api"], project.ports.api);
    await project.setSetting(["sandbox"], "bubblewrap");
  });

  it("down stops everything and keeps the data, the project's files and nothing of the stack", async () => {
    const config = readFileSync(path.join(project.dir, "Pulumi.dev.yaml"), "utf8");
    const { code, output } = await down();
    assert.equal(code, 0, output);
    assert.match(output, /Kept for the next `npm start`/);
    assert.deepEqual(await alive(), []);
    assert.deepEqual(kept(), ["keys", "logs", "postgres"]);
    assert.deepEqual(
      readdirSync(path.join(project.dir, ".pulumi", "stacks", "automatos")).filter((name) => name === "dev.json"),
      [],
    );
    assert.equal(readFileSync(path.join(project.dir, "Pulumi.dev.yaml"), "utf8"), config);
  });

  it("down has nothing to do the second time, and says so", async () => {
    const { code, output } = await down();
    assert.equal(code, 0, output);
    assert.match(output, /There is no stack dev/);
  });

  it("down stops what runs when the stack's state is lost, and removes the data when told to", async () => {
    await up(); // new secrets over the data that were kept
    assert.equal((await alive()).length, 3);
    rmSync(path.join(project.dir, ".pulumi"), { recursive: true });
    const { code, output } = await down("--data");
    assert.equal(code, 0, output);
    assert.match(output, /Stopped what the stack's state did not know of: worker-1, gateway, api, postgres/);
    assert.deepEqual(await alive(), []);
    assert.deepEqual(kept(), []);
  });
});
