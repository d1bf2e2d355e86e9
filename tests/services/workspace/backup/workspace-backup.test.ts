import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as delay, setImmediate } from "node:timers/promises";
import { BackupConfig, BackupSecrets, TreeComparison } from "../../../../contracts/backup.ts";
import { BackupBox } from "../../../../services/workspace/backup/backup-box.ts";
import { Restic } from "../../../../services/workspace/backup/restic.ts";
import { findProgramFiles } from "../../../../services/workspace/backup/program-files.ts";
import { missingForBackups, newBackupKey, startStore, type TestStore } from "../../../support/backups.ts";
import { startTcpProxy } from "../../../support/tcp-proxy.ts";

const missing = await missingForBackups();
const UID = 20_777;
const HOSTILE = path.resolve(import.meta.dirname, "../../../support/hostile-tree.py");
const TREE_LIST = path.resolve(import.meta.dirname, "../../../../services/workspace/backup/inside/tree-list.ts");

describe(
  "restic in its box",
  { skip: missing ?? (process.getuid?.() === 0 ? false : "makes files of other users: needs root") },
  () => {
    let store: TestStore;
    let folder: string;
    let box: BackupBox;
    let count = 0;
    let workspaceId: string;
    let tree: string;
    const signal = new AbortController().signal;

    before(async () => {
      store = await startStore();
      folder = await mkdtemp(path.join(tmpdir(), "automatos-backup-"));
      box = new BackupBox({ runtimeDir: path.join(folder, "run") });
    });
    after(async () => {
      await store.stop();
      await rm(folder, { recursive: true, force: true });
    });
    beforeEach(() => {
      workspaceId = `00000000-0000-4000-8000-${String(count++).padStart(12, "0")}`;
      tree = own(`tree-${count}`);
    });

    function own(name: string): string {
      const made = path.join(folder, name);
      mkdirSync(made, { mode: 0o700 });
      chownSync(made, UID, UID);
      return made;
    }
    const restic = (
      secrets: Partial<TestStore["secrets"]> = {},
      config: Partial<TestStore["config"]> = {},
      patienceMs = 2_000,
    ) =>
      new Restic({
        box,
        patienceMs,
        config: BackupConfig.parse({ ...store.config, ...config }),
        secrets: BackupSecrets.parse({ ...store.secrets, ...secrets }),
      });
    const use = () => ({ workspaceId, uid: UID, signal });
    const fill = () => {
      execFileSync("python3", [HOSTILE, tree]);
      execFileSync("chown", ["--no-dereference", "--recursive", `${UID}:${UID}`, tree]);
      execFileSync("chmod", ["6755", path.join(tree, "setid")]); // a change of owner takes it away
    };
    const list = async (args: string[], mounts: { from: string; to: string; writable?: boolean }[]) => {
      let printed = "";
      const { code, stderr } = await box.run({
        program: findProgramFiles(process.execPath),
        args: ["--disable-warning=ExperimentalWarning", "/program/tree-list.mts", ...args],
        mounts: [...mounts, { from: TREE_LIST, to: "/program/tree-list.mts" }],
        uid: UID,
        readsAll: true,
        network: false,
        environment: {},
        signal,
        onOutput: (line) => (printed += line),
      });
      assert.equal(code, 0, stderr);
      return printed;
    };
    const backUp = async (program: Restic) => {
      const state = own(`state-${count}-${readdirSync(folder).length}`);
      const lists = [
        { from: tree, to: "/workspace" },
        { from: state, to: "/state", writable: true },
      ];
      await list(["list", "/workspace", "/state/list.ndjson"], lists);
      const mounts = [
        { from: tree, to: "/workspace" },
        { from: path.join(state, "list.ndjson"), to: "/list.ndjson" },
        { from: own(`cache-${count}-${readdirSync(folder).length}`), to: "/cache", writable: true },
      ];
      return program.backup(use(), `run-${count}`, mounts);
    };
    const restore = async (program: Restic, snapshotId: string) => {
      const to = own(`restored-${count}-${readdirSync(folder).length}`);
      await program.restore(use(), snapshotId, [{ from: to, to: "/restore", writable: true }]);
      return to;
    };
    const compare = async (restored: string) =>
      TreeComparison.parse(
        JSON.parse(
          await list(["compare", "/restore/list.ndjson", "/restore/workspace"], [{ from: restored, to: "/restore" }]),
        ),
      );

    it("brings back every entry of a hostile tree as it was, and nothing of the host", async () => {
      fill();
      const program = restic();
      const summary = await backUp(program);
      assert.equal(summary.unreadable, 0);
      const restored = await restore(program, summary.snapshot_id);
      const comparison = await compare(restored);
      assert.deepEqual(
        { ...comparison, files: 0, bytes: 0 },
        {
          ...{ files: 0, bytes: 0, directories: 4, links: 3, others: 1, different: 0, missing: 0, extra: 0 },
          ...{ changedMeanwhile: 0, examples: [] },
        },
      );
      assert.equal(comparison.files, 211);
      const at = (name: string) => path.join(restored, "workspace", name);
      assert.equal(readlinkSync(at("absolute")), "/etc/shadow");
      assert.equal(lstatSync(at("hard")).ino, lstatSync(at("plain")).ino);
      assert.equal(lstatSync(at("setid")).mode & 0o7777, 0o6755);
      assert.equal(lstatSync(at("closed")).mode & 0o7777, 0);
      assert.equal(lstatSync(at("shut/inside"), { bigint: true }).mtimeNs, 1_234_567_890_123_456_789n);
      assert.equal(lstatSync(at("plain")).uid, UID);
      assert.equal(existsSync(at("socket")), false, "a socket is nothing without the process behind it");
      const attribute = "import os, sys; sys.stdout.write(os.getxattr(sys.argv[1], 'user.note').decode())";
      assert.equal(execFileSync("python3", ["-c", attribute, at("plain")], { encoding: "utf8" }), "kept");
    });

    it("takes what changed alone, the second time", async () => {
      fill();
      writeFileSync(path.join(tree, "large"), Buffer.alloc(8_000_000, "0123456789"), { mode: 0o600 });
      const program = restic();
      const first = await backUp(program);
      writeFileSync(path.join(tree, "many-7"), "changed");
      const second = await backUp(program);
      assert.ok(second.data_added < first.data_added / 4, `${second.data_added} of ${first.data_added}`);
      const kept = await program.forget(use(), { last: 1, daily: 0, weekly: 0, monthly: 0 }, [
        { from: own("cache-forget"), to: "/cache", writable: true },
      ]);
      assert.equal(kept.length, 1);
      assert.ok(kept[0]?.startsWith(second.snapshot_id));
      await assert.rejects(restore(program, first.snapshot_id), { code: "BACKUP_DAMAGED" });
    });

    it("finds each entry that is not as it was", async () => {
      fill();
      // long before the list: what is as old as it counts as changed meanwhile
      for (const name of ["many-1", "many-2"]) execFileSync("touch", ["--date", "2001-01-01", path.join(tree, name)]);
      const program = restic();
      const { snapshot_id } = await backUp(program);
      const restored = await restore(program, snapshot_id);
      const at = (name: string) => path.join(restored, "workspace", name);
      const keepTime = (name: string, change: () => void) => {
        const reference = path.join(folder, "reference");
        writeFileSync(reference, "");
        execFileSync("touch", ["--reference", at(name), reference]);
        change();
        execFileSync("touch", ["--reference", reference, at(name)]);
      };
      const top = lstatSync(path.join(restored, "workspace"), { bigint: true });
      keepTime("many-1", () => writeFileSync(at("many-1"), "x"));
      keepTime("many-2", () => execFileSync("chmod", ["0600", at("many-2")]));
      execFileSync("touch", ["--date", "2001-01-01", at("many-3")]);
      execFileSync("rm", [at("many-4")]);
      writeFileSync(at("added"), "new");
      execFileSync("touch", ["--date", "2001-01-01", at("added")]);
      symlinkSync("/elsewhere", at("other"));
      execFileSync("touch", ["--no-dereference", "--date", "2001-01-01", at("other")]);
      execFileSync("touch", [
        "--date",
        `@${top.mtimeNs / 1_000_000_000n}.${String(top.mtimeNs % 1_000_000_000n).padStart(9, "0")}`,
        at(""),
      ]);
      const found = await compare(restored);
      assert.deepEqual(
        [found.different, found.missing, found.extra, found.changedMeanwhile],
        [3, 1, 2, 0],
        JSON.stringify(found.examples),
      );
      assert.ok(found.examples.includes('"many-1": has another content'), JSON.stringify(found.examples));
    });

    it("finds a bit that flipped in the store", async () => {
      fill();
      const program = restic();
      const { snapshot_id } = await backUp(program);
      assert.ok(store.flipBits(workspaceId) > 0);
      await assert.rejects(restore(program, snapshot_id), { code: "BACKUP_DAMAGED" });
    });

    it("opens a repository of an older key, and puts the newest in its place", async () => {
      writeFileSync(path.join(tree, "file"), "text");
      const [one, two] = [newBackupKey("one"), newBackupKey("two")];
      await backUp(restic({ keys: one }));
      const { snapshot_id } = await backUp(restic({ keys: `${two},${one}` }));
      await restore(restic({ keys: two }), snapshot_id);
      await assert.rejects(restore(restic({ keys: one }), snapshot_id), { code: "BACKUP_KEY_MISSING" });
    });

    it("gives no workspace a key that opens another's repository", async () => {
      writeFileSync(path.join(tree, "file"), "text");
      const program = restic();
      await backUp(program);
      const bucket = path.join(store.server.folder, store.config.bucket, "automatos");
      const first = workspaceId;
      workspaceId = workspaceId.replace("4000", "4001");
      execFileSync("cp", ["--archive", path.join(bucket, first), path.join(bucket, workspaceId)]);
      await assert.rejects(restore(program, "latest"), { code: "BACKUP_KEY_MISSING" });
    });

    const refusals: [string, () => Restic, string][] = [
      ["a wrong secret", () => restic({ secretAccessKey: "wrong" }), "BACKUP_STORE_REFUSED"],
      ["an unknown access key", () => restic({ accessKeyId: "nobody" }), "BACKUP_STORE_REFUSED"],
      ["a bucket that is not there", () => restic({}, { bucket: "not-there" }), "BACKUP_BUCKET_MISSING"],
      ["a store that is away", () => restic({}, { endpoint: "http://127.0.0.1:1" }), "BACKUP_STORE_UNREACHABLE"],
    ];
    for (const [what, program, code] of refusals) {
      it(`says so of ${what}, and makes nothing`, async () => {
        await assert.rejects(backUp(program()), { code });
        assert.equal(existsSync(path.join(store.server.folder, "not-there")), false);
      });
    }

    it("lets a link in the place of a folder lead nowhere", async () => {
      mkdirSync(path.join(tree, "real"));
      writeFileSync(path.join(tree, "real/file"), "mine");
      symlinkSync("/proc/self", path.join(tree, "process"));
      symlinkSync("/etc", path.join(tree, "etc"));
      const seen = async (target: string) => {
        const found: string[] = [];
        const { code } = await box.run({
          program: findProgramFiles("ls"),
          args: ["-A", target],
          mounts: [{ from: tree, to: "/workspace" }],
          uid: UID,
          readsAll: true,
          network: true,
          environment: { RESTIC_PASSWORD: "secret" },
          signal,
          onOutput: (line) => found.push(line),
        });
        return code === 0 ? found : undefined;
      };
      assert.equal(await seen("/workspace/process/"), undefined);
      assert.equal(await seen("/proc"), undefined);
      assert.equal(await seen("/home"), undefined);
      assert.deepEqual(
        (await seen("/workspace/etc/"))?.filter(
          (name) => !["resolv.conf", "hosts", "nsswitch.conf", "ssl"].includes(name),
        ),
        [],
      );
      assert.deepEqual(await seen("/workspace/real"), ["file"]);
      assert.equal(readFileSync(path.join(tree, "real/file"), "utf8"), "mine");
    });

    it("goes on when the store's connections break in the middle, and gives up a store that stays away", async () => {
      const random = (name: string) => writeFileSync(path.join(tree, name), randomBytes(60_000_000), { mode: 0o644 });
      random("first");
      const program = restic();
      const written = () =>
        existsSync(path.join(store.server.folder, store.config.bucket, "automatos", workspaceId, "config"));
      const broken = (async () => {
        while (!written()) await setImmediate();
        for (let count = 0; count < 3; count++) {
          await delay(100); // not waited for: it breaks whatever is under way then
          store.proxy.cut();
        }
      })();
      const { snapshot_id } = await backUp(program);
      await broken;
      await restore(program, snapshot_id);
      const away = await startTcpProxy(Number(new URL(store.server.endpoint).port));
      const elsewhere = restic({}, { endpoint: away.url }, 500);
      random("second");
      const failed = assert.rejects(backUp(elsewhere), { code: "BACKUP_STORE_UNREACHABLE" });
      await away.close();
      await failed;
    });

    it("says that the disk is full, when it is", async () => {
      writeFileSync(path.join(tree, "large"), randomBytes(4_000_000), { mode: 0o644 });
      const program = restic();
      const { snapshot_id } = await backUp(program);
      const small = own("small");
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=1m,uid=${UID},mode=0700`, "tmpfs", small]);
      try {
        await assert.rejects(program.restore(use(), snapshot_id, [{ from: small, to: "/restore", writable: true }]), {
          code: "NO_SPACE_TO_RESTORE",
        });
      } finally {
        execFileSync("umount", [small]);
      }
    });

    it("says what is not installed", () => {
      const config = BackupConfig.parse(store.config);
      const secrets = BackupSecrets.parse(store.secrets);
      assert.throws(() => new Restic({ box, config, secrets, program: "no-such-restic" }), {
        code: "BACKUP_PROGRAM_MISSING",
      });
    });

    it("ends with its signal, and leaves no process and no lock in the way", async () => {
      writeFileSync(path.join(tree, "large"), Buffer.alloc(1_000_000, 1));
      const program = restic();
      await backUp(program);
      const stop = new AbortController();
      const running = program.backup({ ...use(), signal: stop.signal }, "stopped", [
        { from: tree, to: "/workspace" },
        { from: HOSTILE, to: "/list.ndjson" },
      ]);
      stop.abort(new Error("enough"));
      await assert.rejects(running, /enough/);
      await backUp(program);
    });
  },
);
