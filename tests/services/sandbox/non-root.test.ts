import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { collectText } from "../../../services/sandbox/output.ts";
import { isRoot } from "./support.ts";

const NOBODY = "65534";
const PROJECT = join(import.meta.dirname, "../../..");

/**
 * Shows the project and this Node to a user who may not traverse the folders that they are in, in a mount namespace of
 * the test's own, and runs a test file there as that user.
 */
const AS_NOBODY = `set -e
mount -t tmpfs -o mode=0755 tmpfs /mnt
mkdir -m 1777 /mnt/tmp
mkdir /mnt/project
touch /mnt/node
mount --bind "$1" /mnt/project
mount --bind "$2" /mnt/node
cd /mnt/project
exec setpriv --reuid ${NOBODY} --regid ${NOBODY} --clear-groups --inh-caps -all --bounding-set -all \
  env -i PATH=/usr/bin:/bin TMPDIR=/mnt/tmp HOME=/mnt/tmp /mnt/node --test "tests/services/sandbox/$3.test.ts"`;

describe("the sandbox of a service that is not root", { skip: !isRoot && "the other tests run so already" }, () => {
  for (const file of ["bubblewrap-sandbox", "hostile", "hostile-paths"]) {
    it(`keeps what ${file}.test.ts asks of it`, async () => {
      const child = spawn(
        "unshare",
        ["--mount", "--propagation", "private", "sh", "-c", AS_NOBODY, "sh", PROJECT, process.execPath, file],
        { stdio: ["ignore", "pipe", "pipe"] },
      );
      const output = Promise.all([collectText(child.stdout, undefined, 1_000_000), collectText(child.stderr)]);
      const exitCode = await new Promise((resolve) => child.once("exit", resolve));
      assert.equal(exitCode, 0, (await output).join("\n"));
      assert.match((await output).join("\n"), /^(# |ℹ )fail 0$/m);
    });
  }
});
