import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import type { RepositoryLocks } from "../../services/workspace/repository-locks.ts";
import { repositoryLockName } from "../../services/workspace/repository-locks.ts";
import type { ContentsCaller, WorkspaceContents } from "../../services/workspace/contents/workspace-contents.ts";

/** One kind of contents, over a folder of workspaces that the suite writes into. */
export interface ContentsHarness {
  readonly contents: WorkspaceContents;
  /** Folder of all workspaces. */
  readonly rootDir: string;
  /** A workspace that is known, without a folder yet. */
  readonly createWorkspace: () => Promise<string>;
  readonly locks: RepositoryLocks;
  /** Bytes of artifacts that were read from the disk but not taken by whoever asked for them: an upper bound. */
  readonly maxBufferedBytes: number;
  /** Open files of artifacts. */
  readonly openFiles: () => Promise<number>;
  close(): Promise<void>;
}

/** What every way to the contents of workspaces promises. `create` is called once. */
export function describeWorkspaceContents(way: string, create: () => Promise<ContentsHarness>): void {
  describe(`the contents of workspaces ${way}`, () => {
    let harness: ContentsHarness;
    let workspaceId: string;
    const caller = (signal = new AbortController().signal): ContentsCaller => ({ callId: randomUUID(), signal });
    const below = (...path: string[]) => join(harness.rootDir, workspaceId, ...path);
    const contents = () => harness.contents;

    before(async () => {
      harness = await create();
      workspaceId = await harness.createWorkspace();
      await mkdir(below("artifacts/coverage"), { recursive: true });
      await mkdir(below("repos"));
    });
    after(() => harness.close());

    it("are empty where nothing has run", async () => {
      const fresh = await harness.createWorkspace();
      assert.deepEqual(await contents().listArtifacts(fresh, caller()), []);
      assert.deepEqual(await contents().listRepositories(fresh, caller()), []);
      assert.deepEqual(await contents().listDocuments(fresh, caller()), { found: [], complete: true });
      assert.equal((await contents().readStorage(fresh, caller())).usedBytes, 0);
    });

    it("list, open and remove artifacts of any name and size", async () => {
      const large = randomBytes(3 * 1024 ** 2 + 7);
      const files: [string, Buffer][] = [
        ['coverage/résumé "1"\n.txt', Buffer.from("content")],
        ["empty", Buffer.alloc(0)],
        ["large", large],
      ];
      for (const [path, content] of files) await writeFile(below("artifacts", path), content);
      const listed = await contents().listArtifacts(workspaceId, caller());
      assert.deepEqual(
        listed.map(({ path, sizeBytes }) => [path, sizeBytes]),
        files.map(([path, content]) => [path, content.length]),
      );
      for (const [path, content] of files) {
        const { artifact, stream } = await contents().openArtifact(workspaceId, path, caller());
        assert.deepEqual(
          artifact,
          listed.find((one) => one.path === path),
        );
        assert.ok((await buffer(stream)).equals(content), path);
      }
      for (const path of ["coverage", "large", "empty"]) await contents().removeArtifact(workspaceId, path, caller());
      assert.deepEqual(await contents().listArtifacts(workspaceId, caller()), []);
      const missing = { code: "ARTIFACT_NOT_FOUND", status: 404 };
      await assert.rejects(contents().removeArtifact(workspaceId, "coverage", caller()), missing);
      await assert.rejects(contents().openArtifact(workspaceId, "large", caller()), missing);
    });

    it("give nothing that is not a file below artifacts/", async () => {
      await writeFile(below("secret"), "secret");
      await symlink(below("secret"), below("artifacts/link"));
      await symlink(below(), below("artifacts/folder-link"));
      for (const path of [
        "link",
        "folder-link/secret",
        "../secret",
        "x/../../secret",
        "/etc/passwd",
        "a\0b",
        ".",
        "",
      ]) {
        const refused = contents().openArtifact(workspaceId, path, caller());
        await assert.rejects(refused, { code: "ARTIFACT_NOT_FOUND" }, path);
      }
      await contents().removeArtifact(workspaceId, "folder-link", caller());
      await contents().removeArtifact(workspaceId, "link", caller());
      assert.equal(await readFile(below("secret"), "utf8"), "secret");
    });

    it("read an artifact no faster than it is taken, and let go of it when its reader leaves", async () => {
      await writeFile(below("artifacts/huge"), "");
      await truncate(below("artifacts/huge"), 1024 ** 3);
      const { artifact, stream } = await contents().openArtifact(workspaceId, "huge", caller());
      assert.equal(artifact.sizeBytes, 1024 ** 3);
      await once(stream, "readable");
      const first = stream.read() as Buffer;
      assert.ok(first.length > 0 && first.length <= harness.maxBufferedBytes);
      stream.on("error", () => undefined).destroy();
      while ((await harness.openFiles()) > 0) await new Promise((resolve) => setImmediate(resolve));

      const gone = new AbortController();
      const second = await contents().openArtifact(workspaceId, "huge", caller(gone.signal));
      second.stream.on("error", () => undefined);
      gone.abort();
      second.stream.destroy();
      while ((await harness.openFiles()) > 0) await new Promise((resolve) => setImmediate(resolve));
      await contents().removeArtifact(workspaceId, "huge", caller());
    });

    it("end in an error, and not early, for an artifact that shrinks while it is read", async () => {
      await writeFile(below("artifacts/shrinks"), "");
      await truncate(below("artifacts/shrinks"), 256 * 1024 ** 2);
      const { stream } = await contents().openArtifact(workspaceId, "shrinks", caller());
      await truncate(below("artifacts/shrinks"), 10);
      await assert.rejects(buffer(stream));
      await contents().removeArtifact(workspaceId, "shrinks", caller());
    });

    it("list repositories with their sizes, and drop those that nobody uses", async () => {
      await mkdir(below("repos/made"), { recursive: true });
      await writeFile(below("repos/made/file"), randomBytes(10_000));
      const [made, ...others] = await contents().listRepositories(workspaceId, caller());
      assert.deepEqual(others, []);
      assert.equal(made?.name, "made");
      assert.equal(made.url, null);
      assert.ok(made.sizeBytes >= 10_000);
      for (const name of ["absent", "..", "a/b"]) {
        const refused = contents().dropRepository(workspaceId, name, caller());
        await assert.rejects(refused, { code: "REPOSITORY_NOT_FOUND", status: 404 }, name);
      }
      const lock = await harness.locks.acquire(repositoryLockName(workspaceId, "made"), caller());
      const dropped = contents().dropRepository(workspaceId, "made", caller());
      await lock.release();
      await dropped;
      assert.deepEqual(await contents().listRepositories(workspaceId, caller()), []);
    });

    it("list documents and give their text", async () => {
      await writeFile(below("notes.md"), "# Notes");
      await writeFile(below("picture.bin"), Buffer.from([0, 1, 2, 255]));
      const { found, complete } = await contents().listDocuments(workspaceId, caller());
      assert.ok(complete);
      assert.deepEqual(found.map(({ path }) => path).sort(), ["notes.md", "picture.bin", "secret"]);
      assert.equal(await contents().readDocument(workspaceId, "notes.md", caller()), "# Notes");
      for (const path of ["picture.bin", "absent"]) {
        assert.equal(await contents().readDocument(workspaceId, path, caller()), "", path);
      }
    });

    it("tell what the workspace takes of the disk, and how that is counted", async () => {
      await contents()
        .removeArtifact(workspaceId, "coverage", caller())
        .catch(() => undefined);
      const { usedBytes, measuredAt, quotaKind, hardLimit } = await contents().readStorage(workspaceId, caller());
      assert.ok(usedBytes > 0);
      assert.ok(Date.parse(measuredAt) <= Date.now());
      assert.deepEqual([quotaKind, hardLimit], ["count", false]);
    });

    it("serve many at once", async () => {
      await writeFile(below("artifacts/shared"), "shared");
      const read = async () => text((await contents().openArtifact(workspaceId, "shared", caller())).stream);
      const all = await Promise.all(Array.from({ length: 20 }, read));
      assert.ok(all.every((content) => content === "shared"));
    });
  });
}
