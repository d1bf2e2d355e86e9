import assert from "node:assert/strict";
import { cpSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { logFileOf, pidFile, recordFile, runDir } from "../../../components/local/daemon-record.ts";
import { endAllDaemons } from "../../../components/local/daemon-resource.ts";
import { identityOf, isRunning, startTimeOf } from "../../../components/local/process-table.ts";
import { type ServiceOutputs, serviceProvider } from "../../../components/local/service-provider.ts";
import { makeStandInProject, type StandInProject } from "./stand-in.ts";

describe("a service's process on this machine", () => {
  let project: StandInProject;
  let provider: ReturnType<typeof serviceProvider>;

  beforeEach(async () => {
    project = await makeStandInProject();
    provider = serviceProvider(project.dir);
  });
  afterEach(() => project.remove());

  const create = async (mode?: string): Promise<ServiceOutputs> => {
    const { outs } = await provider.create(project.inputs(mode));
    assert.ok(outs);
    return outs;
  };
  const isAlive = (pid: number) => startTimeOf(pid) !== undefined;
  const kill = async (pid: number) => {
    process.kill(pid, "SIGKILL");
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
  };

  it("is started, healthy, and known by pid, start time and log file", async () => {
    const outs = await create();
    assert.ok(isRunning(outs));
    assert.equal((await fetch(`http://127.0.0.1:${outs.port}/readyz`)).status, 200);
    assert.match(readFileSync(join(project.dir, outs.logFile), "utf8"), /stand-in starts in mode works/);
    assert.equal((await provider.diff("stand-in", outs, project.inputs())).changes, false);
    assert.ok(!JSON.stringify(outs).includes(project.dir), "the state holds no path of this machine");
    assert.ok(!("env" in outs), "the environment stays among the inputs");
  });

  it("gets the environment of its inputs with the project's real folder, and none of the deployment's secrets", async () => {
    process.env["PULUMI_CONFIG_PASSPHRASE_FOR_TEST"] = "secret";
    try {
      const { port } = await create();
      const environment = (await (await fetch(`http://127.0.0.1:${port}/environment`)).json()) as Record<
        string,
        string
      >;
      assert.equal(environment["DATA_DIR"], join(project.dir, "data"));
      assert.equal(environment["PULUMI_CONFIG_PASSPHRASE_FOR_TEST"], undefined);
    } finally {
      delete process.env["PULUMI_CONFIG_PASSPHRASE_FOR_TEST"];
    }
  });

  it("is an error with the end of its log when it dies before it is healthy, and leaves nothing", async () => {
    await assert.rejects(
      create("dies"),
      /stand-in ended with exit code 3; the end of its log:\n.*\nthe reason is in the log/,
    );
    assert.deepEqual(readdirSync(runDir(project.dir)), []);
  });

  it("is an error when it is not healthy in time, and leaves no process", async () => {
    await assert.rejects(
      provider.create({ ...project.inputs("is-never-ready"), readyTimeoutSeconds: 1 }),
      /stand-in was not ready within 1 s; the end of its log/,
    );
    assert.equal(project.starts().length, 1);
    assert.ok(!project.starts().some(isAlive));
  });

  it("is found dead by a refresh and by the diff of an up, and started again", async () => {
    const outs = await create();
    await kill(outs.pid);
    const { props } = await provider.read("stand-in", outs);
    assert.equal(props?.status, "stopped");
    assert.equal((await provider.diff("stand-in", outs, project.inputs())).changes, true);
    const updated = await provider.update("stand-in", outs, project.inputs());
    assert.ok(updated.outs !== undefined && isRunning(updated.outs));
    assert.notEqual(updated.outs.pid, outs.pid);
    assert.equal(project.starts().length, 2);
  });

  it("is found hanging, and replaced by one that answers", async () => {
    const outs = await create();
    process.kill(outs.pid, "SIGSTOP");
    assert.equal((await provider.read("stand-in", outs)).props?.status, "unhealthy");
    const inputs = { ...project.inputs(), stopGraceSeconds: 1 };
    writeFileSync(
      recordFile(project.dir, "stand-in"),
      readFileSync(recordFile(project.dir, "stand-in"), "utf8").replace(
        '"stopGraceSeconds": 30',
        '"stopGraceSeconds": 1',
      ),
    );
    const updated = await provider.update("stand-in", outs, inputs);
    assert.ok(updated.outs !== undefined && isRunning(updated.outs));
    assert.ok(!isAlive(outs.pid));
  });

  it("is never mistaken for another process that was given its number", async () => {
    const outs = await create();
    await endAllDaemons(project.dir);
    const own = identityOf(process.pid);
    assert.ok(own);
    const reused = { ...outs, pid: own.pid }; // this very process, with the start time of the dead one
    writeFileSync(
      recordFile(project.dir, "stand-in"),
      JSON.stringify({ ...outs, projectDir: project.dir, stopSignal: "SIGTERM" }),
    );
    writeFileSync(pidFile(project.dir, "stand-in"), `${own.pid}\n0 (x) S 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1\n`);
    assert.equal((await provider.read("stand-in", reused)).props?.status, "stopped");
    await provider.delete("stand-in", reused);
    assert.ok(isRunning(own));
  });

  it("is started again with another environment or source, and not without a change", async () => {
    const outs = await create();
    const changed = { ...project.inputs(), sourceHash: "2" };
    assert.equal((await provider.diff("stand-in", outs, changed)).changes, true);
    const first = await provider.update("stand-in", outs, changed);
    const second = await provider.update("stand-in", outs, changed);
    assert.deepEqual(first, second);
    assert.equal(project.starts().length, 2);
    assert.ok(!isAlive(outs.pid));
  });

  it("is adopted by the next create when the deployment was killed before it could record it", async () => {
    const first = await create();
    const second = await create(); // as if nothing were known of the first
    assert.deepEqual(second, first);
    assert.equal(project.starts().length, 1);
  });

  it("is stopped by the next create when it runs with other settings", async () => {
    const first = await create();
    const { outs } = await provider.create({ ...project.inputs(), sourceHash: "2" });
    assert.notEqual(outs?.pid, first.pid);
    assert.ok(!isAlive(first.pid));
  });

  it("is made once by deployments that overlap", async () => {
    const results = await Promise.all([create(), create(), create()]);
    assert.equal(new Set(results.map(({ pid }) => pid)).size, 1);
    assert.equal(project.starts().length, 1);
  });

  it("leaves nothing when it is deleted: no process, no child, no record", async () => {
    const outs = await create("has-child");
    const children = project.children();
    assert.ok(children.length === 1 && children.every(isAlive));
    await provider.delete("stand-in", outs);
    assert.ok(!isAlive(outs.pid) && !children.some(isAlive));
    assert.deepEqual(readdirSync(runDir(project.dir)), []);
    await provider.delete("stand-in", outs); // again: nothing to do
  });

  it("leaves no child of one that was killed", async () => {
    const outs = await create("has-child");
    await kill(outs.pid);
    await provider.delete("stand-in", outs);
    assert.ok(!project.children().some(isAlive));
  });

  it("is ended by force when it ignores the request", async () => {
    const { outs } = await provider.create({ ...project.inputs("is-stubborn"), stopGraceSeconds: 1 });
    assert.ok(outs);
    await provider.delete("stand-in", outs);
    assert.ok(!isAlive(outs.pid));
  });

  it("is stopped by what the state knows when its record is lost", async () => {
    const outs = await create();
    rmSync(runDir(project.dir), { recursive: true });
    assert.equal((await provider.read("stand-in", outs)).props?.status, "stopped");
    await provider.delete("stand-in", outs);
    assert.ok(!isAlive(outs.pid));
  });

  it("is refused before anything starts when another program has its port, with the key that sets another", async () => {
    const server = createServer().listen(project.inputs().port, "127.0.0.1");
    await once(server, "listening");
    try {
      const { failures } = await provider.check({}, project.inputs());
      assert.equal(failures?.length, 1);
      assert.equal(failures[0]?.property, "port");
      assert.match(
        failures[0].reason,
        new RegExp(`port ${project.inputs().port} of stand-in is taken by process ${process.pid} .*ports\\.standIn`),
      );
      await assert.rejects(create(), /is taken by process/);
      assert.deepEqual(project.starts(), []);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    assert.deepEqual((await provider.check({}, project.inputs())).failures, []);
  });

  it("has its own port without conflict", async () => {
    const outs = await create();
    assert.deepEqual((await provider.check(outs, project.inputs())).failures, []);
    assert.deepEqual((await provider.check({}, project.inputs())).failures, []);
  });

  it("is started again in the new place when the project's folder was moved", async () => {
    const outs = await create();
    const moved = `${project.dir}-moved`;
    renameSync(project.dir, moved);
    const there = serviceProvider(moved);
    try {
      assert.equal((await there.read("stand-in", outs)).props?.status, "moved");
      assert.equal((await there.diff("stand-in", outs, project.inputs())).changes, true);
      const updated = await there.update("stand-in", outs, project.inputs());
      assert.ok(updated.outs);
      assert.ok(!isAlive(outs.pid));
      assert.equal(realpathSync(`/proc/${updated.outs.pid}/cwd`), moved);
    } finally {
      await endAllDaemons(moved);
      renameSync(moved, project.dir);
    }
  });

  it("is left alone by a copy of the project's folder", async () => {
    const outs = await create();
    const copy = `${project.dir}-copy`;
    cpSync(project.dir, copy, { recursive: true });
    const there = serviceProvider(copy);
    try {
      const { failures } = await there.check({}, project.inputs());
      assert.match(failures?.[0]?.reason ?? "", /is taken by process/);
      await there.delete("stand-in", outs);
      assert.ok(isRunning(outs));
    } finally {
      rmSync(copy, { recursive: true });
    }
  });

  it("makes room in a log that has grown large", async () => {
    const { pid } = await create();
    await kill(pid);
    const logFile = logFileOf(project.dir, "stand-in");
    writeFileSync(logFile, Buffer.alloc(20_000_001, "x"));
    await create();
    assert.match(readFileSync(logFile, "utf8"), /^stand-in starts/);
    assert.ok(readdirSync(join(project.dir, ".automatos", "logs")).includes("stand-in.log.1"));
  });
});
