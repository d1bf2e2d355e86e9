import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { createUsageMeter } from "../../../services/workspace/usage/create-usage-meter.ts";
import type { UsageMeter } from "../../../services/workspace/usage/usage-meter.ts";
import { lacksLoopVolume, LoopVolume, sweepLoopVolumes } from "../../support/loop-volume.ts";
import { Playground, run, WORKSPACE_UID } from "./support.ts";

const MIB = 1024 ** 2;
const lacking = lacksLoopVolume("btrfs");
if (lacking === undefined) sweepLoopVolumes();

/** Attempts of the workspace's own user to have files that do not count, by what they are. */
const ATTEMPTS: readonly (readonly [what: string, python: string])[] = [
  ["a subvolume", "fcntl.ioctl(d, 0x5000940e, bytearray(struct.pack('q', 0) + b'sub'.ljust(4088, b'\\0')))"],
  ["a subvolume, second version", "fcntl.ioctl(d, 0x50009418, bytearray(bytes(56) + b'sub2'.ljust(4040, b'\\0')))"],
  ["a snapshot of itself", "fcntl.ioctl(d, 0x50009401, bytearray(struct.pack('q', d) + b'snap'.ljust(4088, b'\\0')))"],
];

describe("a workspace's storage limit, from inside", { skip: lacking ?? false }, () => {
  const playground = new Playground();
  let volume: LoopVolume;
  let meter: UsageMeter;
  let sandbox: Sandbox;
  let profile: SandboxProfile;
  const workspaceId = randomUUID();

  before(async () => {
    volume = new LoopVolume("btrfs", 512);
    fs.chmodSync(volume.mountPoint, 0o711);
    meter = await createUsageMeter({ rootDir: volume.mountPoint, setting: "btrfs", logger: pino({ level: "silent" }) });
    await meter.prepare({ workspaceId, uid: WORKSPACE_UID, quotaBytes: 40 * MIB }, { inUse: false });
    sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
    profile = { ...playground.makeWorkspace(), workspaceDir: join(volume.mountPoint, workspaceId) };
  });
  after(async () => {
    await meter.close();
    volume.remove();
    playground.remove();
  });

  const script = (attempt: string) =>
    `import errno, fcntl, os, struct\nd = os.open('.', os.O_RDONLY)\ntry:\n  ${attempt}\n  print('made')\n` +
    `except OSError as error: print(errno.errorcode[error.errno])`;

  for (const [what, attempt] of ATTEMPTS) {
    it(`cannot be left by ${what}, which its user may make outside of a sandbox`, async () => {
      const inside = await run(sandbox, profile, ["/usr/bin/python3", "-c", script(attempt)]);
      assert.equal(inside.stdout, "EPERM\n", inside.stderr);
      const bare = spawnSync("/usr/bin/python3", ["-c", script(attempt)], {
        cwd: profile.workspaceDir,
        uid: WORKSPACE_UID,
        gid: WORKSPACE_UID,
        encoding: "utf8",
      });
      assert.equal(bare.stdout, "made\n", bare.stderr);
    });
  }

  it("holds for files that a command writes, and the kernel says so", async () => {
    const outcome = await run(sandbox, profile, ["/bin/sh", "-c", "LC_ALL=C dd if=/dev/zero of=big bs=1M count=100"]);
    assert.match(outcome.stderr, /Disk quota exceeded/);
    assert.ok((await meter.measure(workspaceId)).usedBytes <= 45 * MIB);
  });

  it("holds for room that is set aside, for files that are removed and still open, and for shared blocks", async () => {
    fs.rmSync(join(profile.workspaceDir, "big"), { force: true });
    const outcome = await run(sandbox, profile, [
      "/usr/bin/python3",
      "-c",
      `import errno, os
def attempt(action):
    try: action(); return 'allowed'
    except OSError as error: return errno.errorcode[error.errno]
f = os.open('f', os.O_RDWR | os.O_CREAT)
print(attempt(lambda: os.posix_fallocate(f, 0, 100 << 20)))
os.unlink('f')
def fill():
    for _ in range(100): os.write(f, b'x' * (1 << 20)); os.fsync(f)
print(attempt(fill))`,
    ]);
    assert.equal(outcome.stdout, "EDQUOT\nEDQUOT\n", outcome.stderr);
  });
});
