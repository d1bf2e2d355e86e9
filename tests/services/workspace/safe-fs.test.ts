import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { SafeFs } from "../../../services/workspace/safe-fs.ts";
import { splitWorkspacePath } from "../../../services/workspace/safe-path.ts";

const isRoot = process.getuid?.() === 0;
let scratch: string;
let root: string;
let outside: string;
let files: SafeFs;

const rejects = (action: Promise<unknown>, code: string) =>
  assert.rejects(action, (error: Error & { code?: string }) => {
    assert.equal(error.code, code, String(error));
    return true;
  });

before(() => void (scratch = fs.mkdtempSync(join(tmpdir(), "safe-fs-"))));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));
beforeEach(() => {
  const place = fs.mkdtempSync(join(scratch, "case-"));
  root = join(place, "root");
  outside = join(place, "outside");
  fs.mkdirSync(root);
  fs.mkdirSync(outside);
  fs.writeFileSync(join(outside, "file"), "outside");
  files = new SafeFs(root);
});

describe("SafeFs", () => {
  it("writes, reads, lists, moves and removes", async () => {
    await files.createFile("a/b/c.txt", "one", { createDirectories: true });
    await rejects(files.createFile("a/b/c.txt", "two"), "FILE_EXISTS");
    await files.replaceFile("a/b/c.txt", "two");
    assert.equal(String(await files.readFile("a//b/./x/../c.txt")), "two");
    assert.equal(String(await files.readFile("a/b/c.txt", { maxBytes: 2 })), "tw");
    await files.mkdirs("a/d");
    await files.mkdirs("a/d");
    await files.move("a/b/c.txt", "a/d/e.txt");
    const listed = await files.list(".", { maxEntries: 10, recursive: true });
    assert.deepEqual(
      listed.entries.map(({ path, type, sizeBytes }) => [path, type, sizeBytes]),
      [
        ["a", "directory", 0],
        ["a/b", "directory", 0],
        ["a/d", "directory", 0],
        ["a/d/e.txt", "file", 3],
      ],
    );
    assert.equal(listed.truncated, false);
    assert.equal((await files.stat("a/d/e.txt")).sizeBytes, 3);
    assert.equal((await files.stat(".")).type, "directory");
    await files.remove("a");
    await files.remove("a");
    assert.deepEqual(fs.readdirSync(root), []);
  });

  it("stops a listing at its bound and says so", async () => {
    for (let index = 0; index < 20; index++) fs.writeFileSync(join(root, `f${index}`), "");
    const listed = await files.list(".", { maxEntries: 5 });
    assert.equal(listed.entries.length, 5);
    assert.equal(listed.truncated, true);
  });

  it("names what is wrong with a path", async () => {
    fs.writeFileSync(join(root, "file"), "x");
    fs.mkdirSync(join(root, "dir"));
    await rejects(files.openFile("missing"), "FILE_NOT_FOUND");
    await rejects(files.openFile("missing/deeper"), "FILE_NOT_FOUND");
    await rejects(files.openFile("file/deeper"), "NOT_A_DIRECTORY");
    await rejects(files.openFile("dir"), "NOT_A_FILE");
    await rejects(files.replaceFile("dir", ""), "NOT_A_FILE");
    await rejects(files.openFile("n".repeat(300)), "PATH_TOO_LONG");
    await rejects(files.list("file", { maxEntries: 1 }), "NOT_A_DIRECTORY");
    for (const path of ["..", "../outside/file", "dir/../../outside/file", "/etc/passwd", "a\0b"]) {
      await rejects(files.openFile(path), "PATH_OUTSIDE_WORKSPACE");
      await rejects(files.replaceFile(path, ""), "PATH_OUTSIDE_WORKSPACE");
      await rejects(files.mkdirs(path), "PATH_OUTSIDE_WORKSPACE");
      await rejects(files.remove(path), "PATH_OUTSIDE_WORKSPACE");
    }
    await rejects(files.remove("."), "PATH_OUTSIDE_WORKSPACE");
  });

  it("follows no symbolic link, at any part of a path", async () => {
    fs.symlinkSync(outside, join(root, "dir"));
    fs.symlinkSync(join(outside, "file"), join(root, "file"));
    await rejects(files.openFile("file"), "PATH_IS_SYMLINK");
    await rejects(files.openFile("dir/file"), "PATH_IS_SYMLINK");
    await rejects(files.mkdirs("dir/new"), "PATH_IS_SYMLINK");
    await rejects(files.createFile("dir/new", ""), "PATH_IS_SYMLINK");
    await rejects(files.list("dir", { maxEntries: 1 }), "PATH_IS_SYMLINK");
    await rejects(files.createFile("file", "x"), "FILE_EXISTS");
    await files.replaceFile("file", "inside"); // takes the link's place
    assert.equal((await files.stat("dir")).type, "symlink");
    assert.deepEqual(
      (await files.list(".", { maxEntries: 10, recursive: true })).entries.map(({ path }) => path),
      ["dir", "file"],
    );
    await files.remove("dir");
    assert.deepEqual(fs.readdirSync(outside), ["file"]);
    assert.equal(fs.readFileSync(join(outside, "file"), "utf8"), "outside");
  });

  it("does not write through a hard link, and reads none to another user's file", async () => {
    fs.linkSync(join(outside, "file"), join(root, "linked"));
    await files.replaceFile("linked", "inside");
    assert.equal(fs.readFileSync(join(outside, "file"), "utf8"), "outside");
    if (!isRoot) return;
    fs.linkSync(join(outside, "file"), join(root, "again"));
    const owned = new SafeFs(root, { owner: { uid: 200_001, gid: 200_001 } });
    await rejects(owned.openFile("again"), "PATH_OUTSIDE_WORKSPACE");
  });

  it("does not wait for a FIFO and opens no device or socket", async () => {
    execFileSync("mkfifo", [join(root, "fifo")]);
    await rejects(files.openFile("fifo"), "NOT_A_FILE");
    const server = (await import("node:net")).createServer().listen(join(root, "socket"));
    await once(server, "listening");
    await rejects(files.openFile("socket"), "NOT_A_FILE");
    server.close();
    if (isRoot) {
      execFileSync("mknod", [join(root, "zero"), "c", "1", "5"]);
      await rejects(files.openFile("zero"), "NOT_A_FILE");
    }
    await files.replaceFile("fifo", "a file now");
  });

  it("removes names that are no UTF-8, closed directories and trees of any depth", async () => {
    fs.mkdirSync(join(root, "tree"));
    fs.writeFileSync(Buffer.concat([Buffer.from(join(root, "tree") + "/"), Buffer.from([0xff, 0xfe])]), "");
    fs.mkdirSync(join(root, "tree", "closed"));
    fs.writeFileSync(join(root, "tree", "closed", "file"), "");
    fs.chmodSync(join(root, "tree", "closed"), 0);
    const script = 'import os\nos.chdir("tree")\nfor _ in range(500):\n os.mkdir("d" * 50); os.chdir("d" * 50)\n';
    execFileSync("/usr/bin/python3", ["-c", script], { cwd: root });
    let deepest = 0;
    for await (const entry of files.walk("tree")) deepest = Math.max(deepest, entry.path.split("/").length);
    assert.equal(deepest, 501);
    await files.remove("tree");
    assert.deepEqual(fs.readdirSync(root), []);
  });

  it(
    "gives what it makes to the owner, and keeps a replaced file's mode",
    { skip: !isRoot && "needs root" },
    async () => {
      const owned = new SafeFs(root, { owner: { uid: 200_001, gid: 200_002 } });
      await owned.createFile("a/b/run.sh", "x", { createDirectories: true, mode: 0o755 });
      await owned.replaceFile("a/b/run.sh", "y");
      for (const path of ["a", "a/b", "a/b/run.sh"]) {
        const { uid, gid } = fs.statSync(join(root, path));
        assert.deepEqual([uid, gid], [200_001, 200_002]);
      }
      assert.equal(fs.statSync(join(root, "a/b/run.sh")).mode & 0o777, 0o755);
    },
  );

  it("closes every handle", async () => {
    const open = () => fs.readdirSync("/proc/self/fd").length;
    const before = open();
    await files.createFile("a/b/c", "x", { createDirectories: true });
    fs.symlinkSync(outside, join(root, "link"));
    for (let index = 0; index < 20; index++) {
      await Promise.allSettled([
        files.openFile("a/b"),
        files.openFile("link/file"),
        files.readFile("a/b/c"),
        files.createFile("a/b/c", "y"),
        files.list("a/b/c", { maxEntries: 1 }),
        files.remove("a/b/none"),
      ]);
      for await (const entry of files.walk(".")) if (entry.type === "directory") break;
    }
    assert.equal(open(), before);
  });
});

describe("paths that nobody trusts", () => {
  const part = fc.oneof(
    fc.constantFrom("..", ".", "", "dir", "link", "up", "file", "abs", "~", "\0", "%2e%2e", "..;", "…", "a\u0301"),
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  const path = fc.array(part, { maxLength: 8 }).map((parts) => parts.join("/"));

  it("never reach or change anything outside", async () => {
    fs.mkdirSync(join(root, "dir"));
    fs.symlinkSync(outside, join(root, "abs"));
    fs.symlinkSync("../outside", join(root, "link"));
    fs.symlinkSync("../..", join(root, "dir", "up"));
    await fc.assert(
      fc.asyncProperty(path, async (candidate) => {
        const content = await files.readFile(candidate).catch(() => undefined);
        assert.notEqual(String(content), "outside");
        await files.replaceFile(candidate, "x", { createDirectories: true }).catch(() => undefined);
        await files.mkdirs(candidate).catch(() => undefined);
        if (!/^(\.?\/)*(abs|link|dir)$/.test(candidate)) await files.remove(candidate).catch(() => undefined);
        assert.deepEqual(fs.readdirSync(outside), ["file"]);
        assert.equal(fs.readFileSync(join(outside, "file"), "utf8"), "outside");
        assert.deepEqual(fs.readdirSync(join(root, "..")).sort(), ["outside", "root"]);
      }),
      { numRuns: 500 },
    );
  });

  it("split into parts that name no other place", () => {
    fc.assert(
      fc.property(path, (candidate) => {
        let parts: string[];
        try {
          parts = splitWorkspacePath(candidate);
        } catch {
          return;
        }
        for (const name of parts) assert.ok(!["", ".", ".."].includes(name) && !/[/\0]/.test(name));
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("a directory that somebody swaps for a symbolic link all the time", () => {
  const SWAP = `
    const fs = require("node:fs"); const [root, outside] = process.argv.slice(1);
    process.chdir(root); process.stdout.write("swapping");
    for (;;) { fs.renameSync("dir", "kept"); fs.symlinkSync(outside, "dir"); fs.unlinkSync("dir"); fs.renameSync("kept", "dir"); }`;

  it("is left by no read, write, listing or removal", async () => {
    fs.mkdirSync(join(root, "dir"));
    fs.writeFileSync(join(root, "dir", "file"), "inside");
    const swapper = spawn(process.execPath, ["-e", SWAP, root, outside], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      await once(swapper.stdout, "data");
      const naive = { inside: 0, outside: 0 };
      const safe = { inside: 0, refused: 0 };
      for (let round = 0; round < 3_000 || naive.outside === 0 || safe.inside === 0; round++) {
        const plain = await fs.promises.readFile(join(root, "dir/file"), "utf8").catch(() => undefined);
        if (plain === "outside") naive.outside++;
        const content = await files.readFile("dir/file").then(String, () => undefined);
        assert.notEqual(content, "outside");
        if (content === "inside") safe.inside++;
        else safe.refused++;
        if (round % 3 === 0) await files.replaceFile("dir/written", "x").catch(() => undefined);
        if (round % 3 === 1) await files.remove("dir/written").catch(() => undefined);
        if (round % 3 === 2) await files.list("dir", { maxEntries: 10 }).catch(() => undefined);
        assert.equal(swapper.exitCode, null, "the swapping goes on");
      }
      assert.ok(naive.outside > 0, "the control read outside: the race is real");
      assert.deepEqual(fs.readdirSync(outside), ["file"]);
    } finally {
      swapper.kill("SIGKILL");
      await once(swapper, "exit");
    }
  });
});
