import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { after, before, describe, it } from "node:test";
import { SandboxUnavailableError } from "../../../contracts/errors.ts";
import { createSandbox, UnavailableSandbox } from "../../../services/sandbox/create-sandbox.ts";
import { detectMachine } from "../../../services/sandbox/detect.ts";
import { findByArgument } from "../../../services/sandbox/process-table.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { describeSandbox } from "../../contract/sandbox.contract.ts";
import { isRoot, Playground, run, sh, startSocket, WORKSPACE_UID } from "./support.ts";

describeSandbox("bubblewrap", ({ runtimeDir }) => createSandbox("bubblewrap", { runtimeDir }));

const hasCode = (code: string) => (error: Error & { code?: string }) => error.code === code;

describe("a bubblewrap sandbox", () => {
  const playground = new Playground();
  let sandbox: Sandbox;
  let profile: SandboxProfile;
  before(() => {
    sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    profile = playground.makeWorkspace();
  });
  after(() => playground.remove());

  it("has the programs, certificates and names that work needs", async () => {
    const script =
      "node -e 'console.log(process.version)'; git --version; python3 -c 'import ssl, socket; print(len(ssl.create_default_context().get_ca_certs()) > 50)';" +
      "whoami; id -un; echo $HOME $TMPDIR; touch $TMPDIR/x /dev/shm/x $HOME/x && echo writable; echo x >/dev/null; head -c4 /dev/urandom | wc -c; umask";
    const { stdout } = await sh(sandbox, profile, script);
    assert.match(
      stdout,
      new RegExp(`^${process.version}\ngit version .*\nTrue\nagent\nagent\n/workspace /tmp\nwritable\n4\n0?022\n$`),
    );
  });

  it(
    "gives files to the workspace's user, in a folder that is his alone",
    { skip: !isRoot && "needs root" },
    async () => {
      const fresh = playground.makeWorkspace();
      fs.chownSync(fresh.workspaceDir, 0, 0);
      fs.chmodSync(fresh.workspaceDir, 0o755);
      await sh(sandbox, fresh, "mkdir d; touch d/f");
      for (const name of [".", "d", "d/f"]) {
        const { uid, gid } = fs.statSync(join(fresh.workspaceDir, name));
        assert.deepEqual([uid, gid], [WORKSPACE_UID, WORKSPACE_UID]);
      }
      assert.equal(fs.statSync(fresh.workspaceDir).mode & 0o777, 0o700);
    },
  );

  it("refuses to run as root", { skip: !isRoot && "needs root" }, async () => {
    for (const uid of [0, -1, 1.5, NaN]) {
      await assert.rejects(run(sandbox, { ...profile, uid }, ["id"]), hasCode("SANDBOX_FAILED"));
    }
  });

  it("has the gateway as its only way out, known to all tools", async () => {
    const socketPath = join(playground.folder, "gateway.sock");
    const body = "hello from the gateway";
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    const { server, heard } = await startSocket(socketPath, answer);
    const online = { ...profile, gateway: { socketPath, token: "a.b-c_d" } };
    const script =
      "curl -sS http://example.invalid/curl; python3 -c \"import urllib.request as u; print(u.urlopen('http://example.invalid/python').read())\"; cat; exit 4";
    const outcome = await sh(sandbox, online, script, { stdin: " and input" });
    server.close();
    assert.equal(outcome.exitCode, 4);
    assert.equal(outcome.stdout, `${body}b'${body}'\n and input`);
    assert.equal(heard.length, 2);
    for (const text of heard) {
      assert.match(text, /^GET http:\/\/example\.invalid\/(curl|python) HTTP/);
      const credentials = /^Proxy-Authorization: Basic (\S+)/im.exec(text)?.[1] ?? "";
      assert.equal(Buffer.from(credentials, "base64").toString(), "task:a.b-c_d");
    }
  });

  it("tells a gateway that is not there from a command that fails", async () => {
    const gateway = { socketPath: join(playground.folder, "none.sock"), token: "" };
    await assert.rejects(run(sandbox, { ...profile, gateway }, ["true"]), hasCode("GATEWAY_UNREACHABLE"));
  });

  it("dies with its service, and what a killed service left is found by the next", async () => {
    const mark = `automatos-orphan-${process.pid}`;
    const service = spawn(
      process.execPath,
      [join(import.meta.dirname, "killed-service.ts"), join(playground.folder, "killed"), profile.workspaceDir, mark],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      let said = "";
      for await (const text of service.stdout) if ((said += String(text)).split("\n").length > 3) break;
      assert.ok(findByArgument(mark).length >= 6, "the commands and their background children run");
    } finally {
      service.kill("SIGKILL");
    }
    await once(service, "exit");
    while (findByArgument(mark).length > 0) await setImmediate(); // the kernel's work: nobody else kills them
    await sandbox.recover();
    const mountPoint = "/sys/fs/cgroup";
    const own = new RegExp(`^automatos-${service.pid ?? 0}-`);
    const names = fs
      .readFileSync("/proc/self/cgroup", "utf8")
      .split("\n")
      .flatMap((line) => {
        const [, controllers = "", path = ""] = line.split(":");
        const folder = join(mountPoint, controllers, path);
        return /^(memory|pids|cpu|)$/.test(controllers) && fs.existsSync(folder) ? fs.readdirSync(folder) : [];
      });
    assert.deepEqual(
      names.filter((name) => own.test(name)),
      [],
    );
  });

  it("is refused, with the way out, where it cannot be had", async () => {
    assert.throws(
      () => detectMachine({ searchFolders: [playground.folder] }),
      (error: unknown) =>
        error instanceof SandboxUnavailableError && error.remedy.includes("apt-get install bubblewrap"),
    );
    fs.writeFileSync(join(playground.folder, "bwrap"), "#!/bin/sh\necho no namespaces here >&2; exit 1\n", {
      mode: 0o755,
    });
    assert.throws(
      () => detectMachine({ searchFolders: [playground.folder, "/usr/bin"] }),
      (error: unknown) => error instanceof SandboxUnavailableError && error.message.includes("no namespaces here"),
    );
    const refused = new UnavailableSandbox(new SandboxUnavailableError("a reason", "A remedy."));
    await assert.rejects(refused.run(), hasCode("SANDBOX_UNAVAILABLE"));
    assert.equal(refused.status.available, false);
    assert.equal(refused.status.problem?.remedy, "A remedy.");
  });
});
