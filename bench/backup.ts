/**
 * An incremental backup after 1 % of the files have changed, against the first one: time and bytes, on a real S3 server
 * of this machine. 2,000 files of 20 KB.
 */
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { BackupConfig, BackupSecrets } from "../contracts/backup.ts";
import { BackupBox } from "../services/workspace/backup/backup-box.ts";
import { Restic } from "../services/workspace/backup/restic.ts";
import { missingForBackups, startStore } from "../tests/support/backups.ts";

const FILES = 2_000;
const BYTES = 20_000;
const UID = process.getuid?.() === 0 ? 20_777 : (process.getuid?.() ?? 0);

const missing = await missingForBackups();
if (missing !== undefined) throw new Error(missing);
const store = await startStore();
const folder = await mkdtemp(path.join(tmpdir(), "bench-backup-"));
try {
  const own = (name: string): string => {
    const made = path.join(folder, name);
    mkdirSync(made);
    if (process.getuid?.() === 0) chownSync(made, UID, UID);
    return made;
  };
  const [tree, cache] = [own("tree"), own("cache")];
  const write = (name: number) => writeFileSync(path.join(tree, `file-${name}`), randomBytes(BYTES), { mode: 0o644 });
  for (let name = 0; name < FILES; name++) write(name);
  const list = path.join(folder, "list.ndjson");
  writeFileSync(list, "");
  const box = new BackupBox({ runtimeDir: path.join(folder, "run") });
  const restic = new Restic({
    box,
    config: BackupConfig.parse(store.config),
    secrets: BackupSecrets.parse(store.secrets),
  });
  const use = { workspaceId: "00000000-0000-4000-8000-000000000000", uid: UID, signal: new AbortController().signal };
  const backUp = async (name: string) => {
    const began = performance.now();
    const { data_added } = await restic.backup(use, name, [
      { from: tree, to: "/workspace" },
      { from: list, to: "/list.ndjson" },
      { from: cache, to: "/cache", writable: true },
    ]);
    return { ms: performance.now() - began, bytes: data_added };
  };
  const first = await backUp("first");
  for (let name = 0; name < FILES; name += 100) write(name);
  const second = await backUp("second");
  const show = (what: string, { ms, bytes }: typeof first) =>
    console.log(`${what}: ${Math.round(ms)} ms, ${(bytes / 1e6).toFixed(2)} MB added`);
  show(`first backup of ${FILES} files`, first);
  show("after 1 % of them changed", second);
  console.log(
    `ratio: ${(second.bytes / first.bytes).toFixed(4)} of the bytes, ${(second.ms / first.ms).toFixed(2)} of the time`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
  await store.stop();
}
