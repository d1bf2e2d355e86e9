import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseMounts } from "../../services/workspace/usage/mount-table.ts";

const PREFIX = "automatos-loop-";

/** How to make a file system, and what it needs. */
const FILE_SYSTEMS = {
  ext4: { make: ["mkfs.ext4", "-q", "-m", "0"], options: "loop", package: "e2fsprogs" },
  "ext4 with project quotas": {
    make: ["mkfs.ext4", "-q", "-O", "quota,project", "-E", "quotatype=prjquota"],
    options: "loop,prjquota",
    package: "e2fsprogs",
  },
  "xfs with project quotas": { make: ["mkfs.xfs", "-q"], options: "loop,prjquota", package: "xfsprogs" },
  btrfs: { make: ["mkfs.btrfs", "-q"], options: "loop", package: "btrfs-progs" },
} as const;
export type LoopFileSystem = keyof typeof FILE_SYSTEMS;

/** A file system of its own in a file, mounted: made for one test and taken away with it. Needs root. */
export class LoopVolume {
  readonly mountPoint: string;
  readonly #folder: string;

  /** `mountPoint`: an empty folder. @default one of its own */
  constructor(fileSystem: LoopFileSystem, sizeMib: number, mountPoint?: string) {
    const { make, options } = FILE_SYSTEMS[fileSystem];
    this.#folder = fs.mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
    this.mountPoint = mountPoint ?? join(this.#folder, "mounted");
    const image = join(this.#folder, "image");
    try {
      fs.writeFileSync(image, "");
      fs.truncateSync(image, sizeMib * 1024 ** 2);
      const [program, ...args] = make;
      run(program, ...args, image);
      fs.mkdirSync(this.mountPoint, { recursive: true });
      run("mount", "-o", options, image, this.mountPoint);
      fs.chmodSync(this.#folder, 0o711); // workspaces' users pass through it
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** Unmounts, which lets go of the loop device, and removes the image. Idempotent. */
  remove(): void {
    unmountBelow(this.mountPoint);
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Why a file system cannot be made on this machine; undefined when it can. */
export function lacksLoopVolume(fileSystem: LoopFileSystem): string | undefined {
  if (process.getuid?.() !== 0) return "needs root";
  if (process.platform !== "linux") return "needs Linux";
  try {
    new LoopVolume(fileSystem, fileSystem === "xfs with project quotas" ? 320 : 256).remove();
    return undefined;
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: Buffer };
    if (code === "ENOENT") return `needs the Debian package ${FILE_SYSTEMS[fileSystem].package}`;
    const says = (stderr?.toString() ?? String(error)).trim().split("\n")[0] ?? "";
    return `the kernel cannot mount ${fileSystem} here (CONFIG_QFMT_V2, CONFIG_XFS_QUOTA?): ${says}`;
  }
}

/** Takes away what test processes that were killed have left mounted. */
export function sweepLoopVolumes(): void {
  for (const name of fs.readdirSync(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || fs.existsSync(`/proc/${pid}`)) continue;
    unmountBelow(join(tmpdir(), name));
    fs.rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** The deepest first: volumes are mounted in volumes. */
function unmountBelow(path: string): void {
  const mounts = parseMounts(fs.readFileSync("/proc/self/mountinfo", "utf8")).map(({ mountPoint }) => mountPoint);
  for (const mountPoint of mounts.toReversed()) {
    if (mountPoint === path || mountPoint.startsWith(`${path}/`)) run("umount", mountPoint);
  }
}

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
  });
