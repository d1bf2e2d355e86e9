import assert from "node:assert/strict";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import * as fs from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import { NoneSandbox } from "../../../services/sandbox/none-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { findByArgument } from "../../../services/sandbox/process-table.ts";
import { PROBES, type HostFacts } from "./hostile-probes.ts";
import { isRoot, Playground, run, sh } from "./support.ts";

const MIB = 1024 ** 2;

describe("hostile commands", () => {
  const playground = new Playground();
  const bare = new NoneSandbox({ path: "/usr/bin:/bin:/usr/sbin:/sbin" });
  const servers: Server[] = [];
  let datagrams: Socket;
  let bystander: ChildProcess;
  let queue: string;
  let sandbox: Sandbox;
  let profile: SandboxProfile;
  let host: HostFacts;

  before(async () => {
    sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    profile = playground.makeWorkspace();
    for (const name of ["other", ".automatos"]) {
      fs.mkdirSync(join(playground.folder, name));
      fs.writeFileSync(join(playground.folder, name, "secret"), "secret");
    }
    const listen = async (target: string | undefined) => {
      const server = createServer((socket) => socket.on("error", () => undefined).end("welcome\n"));
      server.listen(target === undefined ? { host: "0.0.0.0", port: 0 } : { path: target });
      await once(server, "listening");
      servers.push(server);
      return server.address() as AddressInfo;
    };
    datagrams = createSocket("udp4", (message, from) => datagrams.send(message, from.port, from.address));
    datagrams.bind(0, "127.0.0.1");
    await once(datagrams, "listening");
    host = {
      folder: playground.folder,
      project: join(import.meta.dirname, "../../.."),
      tcpPort: (await listen(undefined)).port,
      udpPort: datagrams.address().port,
      socketPath: join(playground.folder, "service.sock"),
      abstractSocket: `automatos-test-${process.pid}`,
      shmFile: `/dev/shm/automatos-test-${process.pid}`,
    };
    await listen(host.socketPath);
    await listen(`\0${host.abstractSocket}`);
    fs.writeFileSync(host.shmFile, "secret");
    fs.writeFileSync(join("/tmp", `automatos-test-${process.pid}`), "");
    queue = /id: (\d+)/.exec(execFileSync("ipcmk", ["-Q"], { encoding: "utf8" }))?.[1] ?? "";
    bystander = spawn("/bin/sleep", ["1000"], { env: { SECRET: "automatos-test-secret" }, stdio: "ignore" });
  });
  after(async () => {
    for (const server of servers) server.close();
    datagrams.close();
    bystander.kill("SIGKILL");
    await once(bystander, "exit");
    execFileSync("ipcrm", ["-q", queue]);
    fs.rmSync(host.shmFile);
    fs.rmSync(join("/tmp", `automatos-test-${process.pid}`));
    playground.remove();
  });

  for (const probe of PROBES) {
    it(`gets nowhere with: ${probe.what}`, async () => {
      const inside = await sh(sandbox, profile, probe.script(host));
      assert.match(inside.stdout, probe.refused);
      if (probe.control !== true || !isRoot) return;
      const control = await sh(bare, playground.makeWorkspace(), probe.script(host));
      assert.doesNotMatch(control.stdout, probe.refused, "without a sandbox the probe comes out otherwise");
    });
  }

  it("harms no bystander", () => {
    assert.equal(bystander.exitCode, null);
    assert.equal(bystander.signalCode, null);
    assert.equal(fs.readFileSync(join(playground.folder, "other/secret"), "utf8"), "secret");
  });

  it("is stopped as a fork bomb", async () => {
    const script =
      "import os, signal, time\nn = 0\nwhile True:\n  try:\n    if os.fork() == 0: time.sleep(1000)\n    n += 1\n" +
      "  except OSError as error: print(n < 100, error.strerror); break\n";
    const outcome = await run(sandbox, { ...profile, limits: { ...profile.limits, maxProcesses: 40 } }, [
      "/usr/bin/python3",
      "-c",
      script,
    ]);
    assert.match(outcome.stdout, /^True Resource temporarily unavailable$/m);
  });

  it("is stopped as a fork bomb that never rests", async () => {
    const outcome = await sh(sandbox, profile, "bomb() { bomb | bomb & }; bomb; sleep 1000", { timeoutMs: 1_500 });
    assert.ok(outcome.timedOut || outcome.exitCode !== 0);
  });

  it("is stopped as a memory bomb, and the end says so", async () => {
    const limits = { ...profile.limits, memoryMb: 100 };
    const script = "data = []\nwhile True: data.append(bytearray(1 << 20))";
    const outcome = await run(sandbox, { ...profile, limits }, ["/usr/bin/python3", "-c", script]);
    assert.notEqual(outcome.exitCode, 0);
    if (sandbox.status.limitedBy === "rlimits") assert.match(outcome.stderr, /MemoryError/);
    else assert.equal(outcome.outOfMemory, true);
  });

  it("is stopped as a memory bomb of many processes", { skip: !isRoot && "needs a cgroup" }, async () => {
    const limits = { ...profile.limits, memoryMb: 100 };
    const script =
      "import os\nfor _ in range(8): os.fork()\ndata = []\nfor _ in range(60): data.append(bytearray(b'x' * (1 << 20)))";
    const outcome = await run(sandbox, { ...profile, limits }, ["/usr/bin/python3", "-c", script]);
    assert.ok(outcome.outOfMemory || outcome.exitCode !== 0);
  });

  it("fills no memory by /tmp or /dev/shm", async () => {
    const limits = { ...profile.limits, memoryMb: 128 };
    for (const folder of ["/tmp", "/dev/shm"]) {
      const outcome = await sh(sandbox, { ...profile, limits }, `head -c 1000000000 /dev/zero >${folder}/x`);
      assert.notEqual(outcome.exitCode, 0);
      assert.ok(outcome.outOfMemory || outcome.stderr.includes("No space left"), outcome.stderr);
    }
  });

  it("writes no file above the limit", async () => {
    const limits = { ...profile.limits, maxFileBytes: 10 * MIB };
    await sh(sandbox, { ...profile, limits }, "head -c 1000000000 /dev/zero >big; true");
    assert.equal(fs.statSync(join(profile.workspaceDir, "big")).size, 10 * MIB);
  });

  it("outlives its command in no way", async () => {
    const mark = `automatos-daemon-${process.pid}`;
    const script = `for i in 1 2 3; do (setsid sh -c 'trap "" TERM HUP INT; while :; do sleep 1; done' ${mark} >/dev/null 2>&1 &) ; done
      setsid sh -c 'while :; do sleep 1; done' ${mark} & echo started`;
    const outcome = await sh(sandbox, profile, script);
    assert.equal(outcome.stdout, "started\n");
    const left = findByArgument(mark);
    assert.deepEqual(left, []);
  });

  it("reaches setpriv with no variable of the loader's", async () => {
    const environment = { LD_DEBUG: "libs", LD_DEBUG_OUTPUT: "/workspace/loaded" };
    await run(sandbox, profile, ["/bin/true"], { environment });
    const traces = fs.readdirSync(profile.workspaceDir).filter((name) => name.startsWith("loaded"));
    assert.equal(traces.length, 1);
    const trace = fs.readFileSync(join(profile.workspaceDir, traces[0] ?? ""), "utf8");
    assert.match(trace, /\/bin\/true/);
    assert.doesNotMatch(trace, /setpriv/);
  });

  it("shares nothing with a command of another workspace", { skip: !isRoot && "needs users of its own" }, async () => {
    const other = playground.makeWorkspace(200_002);
    const both = await Promise.all(
      [profile, other].map((own) =>
        sh(sandbox, own, "id -u; ls -A /tmp /dev/shm; ls -ld . | cut -c1-10; touch /tmp/x; sleep 0.2"),
      ),
    );
    assert.deepEqual(
      both.map(({ stdout }) => stdout.split("\n")[0]),
      ["200001", "200002"],
    );
    for (const { stdout } of both) assert.match(stdout, /^\d+\n\/dev\/shm:\n\n\/tmp:\ndrwx------\n$/);
    assert.equal(fs.statSync(other.workspaceDir).uid, 200_002);
  });
});
