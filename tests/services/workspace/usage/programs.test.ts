import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mountOf, parseMounts } from "../../../../services/workspace/usage/mount-table.ts";
import { parseReport } from "../../../../services/workspace/usage/project-accounting.ts";
import { runProgram } from "../../../../services/workspace/usage/run-program.ts";

/** From a Linux 6.1 with both. */
const MOUNTS = `25 30 0:23 / /proc rw,nosuid - proc proc rw
30 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
35 30 7:0 / /srv/work\\040spaces rw,relatime - ext4 /dev/loop0 rw,prjquota
36 30 7:1 / /srv/x rw,relatime - xfs /dev/loop1 rw,attr2,inode64,prjquota
37 36 0:40 / /srv/x rw - btrfs /dev/loop2 rw,subvolid=5
`;
const REPORT = `Project,BlockStatus,FileStatus,BlockUsed,BlockSoftLimit,BlockHardLimit,BlockGrace,FileUsed,FileSoftLimit,FileHardLimit,FileGrace
#0,ok,ok,13,0,0,,2,0,0,
#200001,hard,ok,61441,0,51200,,2,0,0,
`;

describe("what the programs and the kernel say", () => {
  it("is the mount that a path is on: the longest, and of those the last", () => {
    const mounts = parseMounts(MOUNTS);
    assert.equal(mounts.length, 5);
    assert.equal(mountOf(mounts, "/srv/work spaces/a")?.source, "/dev/loop0");
    assert.ok(mountOf(mounts, "/srv/work spaces/a")?.options.includes("prjquota"));
    assert.equal(mountOf(mounts, "/srv/x")?.fileSystem, "btrfs");
    assert.equal(mountOf(mounts, "/srv/xy")?.mountPoint, "/");
    assert.equal(mountOf([], "/srv"), undefined);
  });

  it("is the report of project quotas, or an error that shows the line", () => {
    const refuse = (line: string): never => assert.fail(line);
    assert.deepEqual(
      [...parseReport(REPORT, refuse)],
      [
        [0, 13 * 1024],
        [200_001, 61_441 * 1024],
      ],
    );
    for (const text of ["", "*** Report\n", REPORT.replace("61441", "-"), REPORT.replace("#0", "root")]) {
      assert.throws(() => parseReport(text, refuse), { code: "ERR_ASSERTION" });
    }
  });

  it("is an error with what the program said, when it fails or is not there", async () => {
    await assert.rejects(runProgram("cp", ["--", "/nowhere/at/all", "/tmp"]), {
      code: "QUOTA_PROGRAM_FAILED",
      message: /nowhere.*No such file/,
    });
  });
});
