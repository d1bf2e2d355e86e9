import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import { Artifacts } from "../../../services/workspace/artifacts.ts";
import { CountedUsageMeter } from "../../../services/workspace/usage/counted-usage-meter.ts";

const folders: string[] = [];
let rootDir: string;
let workspaceId: string;
let meter: CountedUsageMeter;
const below = (...path: string[]) => join(rootDir, workspaceId, ...path);

beforeEach(async () => {
  rootDir = await mkdtemp(join(tmpdir(), "artifacts-"));
  folders.push(rootDir);
  workspaceId = randomUUID();
  await mkdir(below("artifacts"), { recursive: true });
  meter = new CountedUsageMeter({ rootDir, logger: pino({ level: "silent" }) });
});
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

describe("Artifacts", () => {
  const open = () => new Artifacts({ rootDir, meter });

  it("lists, opens and removes files of any name", async () => {
    const artifacts = open();
    assert.deepEqual(await artifacts.list(workspaceId), []);
    await mkdir(below("artifacts/coverage"));
    await writeFile(below('artifacts/coverage/résumé "1"\n.txt'), "content");
    await writeFile(below("artifacts/empty"), "");
    const listed = await artifacts.list(workspaceId);
    assert.deepEqual(
      listed.map(({ path, sizeBytes }) => [path, sizeBytes]),
      [
        ['coverage/résumé "1"\n.txt', 7],
        ["empty", 0],
      ],
    );
    for (const [path, content] of [
      ['coverage/résumé "1"\n.txt', "content"],
      ["empty", ""],
    ] as const) {
      const { artifact, stream } = await artifacts.open(workspaceId, path);
      assert.equal(await text(stream), content);
      assert.equal(artifact.sizeBytes, content.length);
    }
    await artifacts.remove(workspaceId, "coverage");
    await assert.rejects(artifacts.remove(workspaceId, "coverage"), { code: "ARTIFACT_NOT_FOUND", status: 404 });
    assert.equal((await artifacts.list(workspaceId)).length, 1);
    assert.deepEqual(await artifacts.list(randomUUID()), []);
  });

  it("gives nothing that is not a file below artifacts/", async () => {
    await writeFile(below("secret"), "secret");
    await symlink(below("secret"), below("artifacts/link"));
    await symlink(below(), below("artifacts/folder-link"));
    execFileSync("mkfifo", [below("artifacts/fifo")]);
    await mkdir(below("artifacts/folder"));
    const artifacts = open();
    assert.deepEqual(await artifacts.list(workspaceId), []);
    for (const path of [
      "link",
      "folder-link/secret",
      "fifo",
      "folder",
      "../secret",
      "folder/../../secret",
      "/etc/passwd",
      "a\0b",
      ".",
      "",
      "x".repeat(300),
    ]) {
      await assert.rejects(artifacts.open(workspaceId, path), { code: "ARTIFACT_NOT_FOUND" }, path);
    }
    await assert.rejects(artifacts.remove(workspaceId, "../secret"), { code: "ARTIFACT_NOT_FOUND" });
    await assert.rejects(artifacts.remove(workspaceId, ""), { code: "ARTIFACT_NOT_FOUND" });
    await artifacts.remove(workspaceId, "folder-link");
    assert.equal(await readFile(below("secret"), "utf8"), "secret");
  });
});
