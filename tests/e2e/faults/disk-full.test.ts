import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describeFault } from "./describe-fault.ts";
import { TASKS } from "./load.ts";

const VOLUME_MB = 64;
const run = (program: string, ...args: string[]): unknown => execFileSync(program, args);

await describeFault({
  name: "a full disk below the workspaces, for a while,",
  startedAgain: 0,
  load: { credential: false }, // the disk may have no room for it either
  around() {
    const folder = mkdtempSync(path.join(tmpdir(), "automatos-full-"));
    run("mount", "-t", "tmpfs", "-o", `size=${VOLUME_MB}m,mode=0711`, "tmpfs", folder);
    return {
      platform: { workspacesDir: folder },
      remove() {
        run("umount", "--lazy", folder);
        rmSync(folder, { recursive: true });
      },
    };
  },
  async inject({ workspacesDir }, load) {
    // As another tenant of the volume would: until nothing more fits.
    const filler = path.join(workspacesDir, ".filler");
    await writeFile(filler, Buffer.alloc(VOLUME_MB * 1024 ** 2)).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    });
    await load.untilEnded(TASKS / 2);
    await rm(filler);
  },
  expect({ statuses, acknowledged }) {
    // A task may fail because the disk was full, and says so; none is lost, and none hangs.
    assert.equal(
      Object.values(statuses).reduce((sum, count) => sum + count, 0),
      acknowledged,
    );
    assert.ok((statuses["completed"] ?? 0) >= TASKS / 4, JSON.stringify(statuses));
    assert.equal(statuses["failed TASK_EXECUTION_FAILED"], undefined, "a full disk is told by its name");
  },
});
