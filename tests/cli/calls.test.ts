import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { Pty } from "../../services/worker/tool-server/pty.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";

const CLI = path.resolve(import.meta.dirname, "../../cli/automatos.mjs");

describe("commands, files and shells by the command line", () => {
  let platform: TestPlatform;
  let folder: string;
  let env: NodeJS.ProcessEnv;

  before(async () => {
    platform = await startPlatform();
    folder = await mkdtemp(path.join(tmpdir(), "automatos-cli-"));
    const workspaceId = await platform.createWorkspace();
    env = {
      PATH: process.env["PATH"],
      HOME: folder,
      AUTOMATOS_API_URL: platform.apiUrl,
      AUTOMATOS_TOKEN: platform.adminToken,
      AUTOMATOS_WORKSPACE: workspaceId,
    };
  });
  after(async () => {
    await platform.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function run(...args: string[]) {
    const child = spawn(process.execPath, [CLI, "workspace", ...args], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout, stderr };
  }

  it("runs a command and ends as it ends", async () => {
    const script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(9)";
    assert.deepEqual(await run("exec", "--", "python3", "-c", script), { code: 9, stdout: "out\n", stderr: "err\n" });
    assert.equal((await run("exec", "--timeout", "1", "--", "sleep", "60")).code, 4);
    const refused = await run("exec", "--", "sudo", "true");
    assert.equal(refused.code, 6);
    assert.match(refused.stderr, /sudo/);
  });

  it("stops the command at Ctrl-C", async () => {
    const child = spawn(
      process.execPath,
      [CLI, "workspace", "exec", "--", "python3", "-uc", "print(1); import time; time.sleep(60)"],
      {
        cwd: folder,
        env,
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    await once(child.stdout, "data");
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 130);
  });

  it("puts, lists and gets files", async () => {
    await writeFile(path.join(folder, "note.txt"), "grüße");
    assert.equal((await run("put", "note.txt", "artifacts/deep/note.txt")).code, 0);
    assert.match((await run("files", "artifacts/deep")).stdout, /artifacts\/deep\/note\.txt/);
    const got = await run("get", "artifacts/deep/note.txt", "-o", "back.txt");
    assert.equal(got.code, 0, got.stderr);
    assert.equal(await readFile(path.join(folder, "back.txt"), "utf8"), "grüße");
  });

  it("opens a shell on its terminal, of the terminal's size", async () => {
    const pty = new Pty({ columns: 77, rows: 22 }, { uid: process.getuid?.() ?? 0 });
    let shown = "";
    pty.output.on("data", (chunk: Buffer) => (shown += chunk.toString()));
    pty.output.on("error", () => undefined);
    const stdio = [pty.programFd, pty.programFd, pty.programFd];
    const child = spawn(process.execPath, [CLI, "workspace", "shell"], {
      cwd: folder,
      env: { ...env, TERM: "xterm" },
      stdio,
    });
    const ended = once(child, "close");
    pty.closeProgramSide();
    await pty.write(Buffer.from("stty size; echo sum-$((40 + 2)); exit 5\r"));
    const [code] = (await ended) as [number | null];
    pty.close();
    assert.match(shown, /22 77/);
    assert.match(shown, /sum-42/);
    assert.equal(code, 5);
    assert.equal((await run("shell")).code, 2, "without a terminal");
  });
});
