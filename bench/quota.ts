/**
 * How long it takes to know what a workspace of 100,000 files uses, against `du`, for each kind of accounting that this
 * machine can do (file systems in files, mounted; as root). `check` is what a task waits for before it starts, `look`
 * what the guard does twice a second while it runs: the worse of nothing changed and a folder changed since the last.
 *
 *     node bench/quota.ts [files]
 */
import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import type { QuotaSetting } from "../contracts/workspace-quota.ts";
import { createUsageMeter } from "../services/workspace/usage/create-usage-meter.ts";
import { lacksLoopVolume, LoopVolume, type LoopFileSystem, sweepLoopVolumes } from "../tests/support/loop-volume.ts";

const files = Number(process.argv[2] ?? "100000");
const FILES_PER_FOLDER = 50;
const REPEATS = 5;
const UID = 210_001;
const SETTLED_MS = 3_000;

const KINDS: readonly (readonly [setting: Exclude<QuotaSetting, "auto">, fileSystem: LoopFileSystem])[] = [
  ["btrfs", "btrfs"],
  ["project", "ext4 with project quotas"],
  ["volume", "ext4"],
  ["count", "ext4"],
];

sweepLoopVolumes();
for (const [setting, fileSystem] of KINDS) {
  const lacking = lacksLoopVolume(fileSystem);
  if (lacking === undefined) await measure(setting, fileSystem);
  else console.log(`${setting}: skipped, ${lacking}`);
}

async function measure(setting: Exclude<QuotaSetting, "auto">, fileSystem: LoopFileSystem): Promise<void> {
  const workspaceId = randomUUID();
  const parent = fs.mkdtempSync(join(tmpdir(), "bench-quota-"));
  const place = setting === "volume" ? join(parent, workspaceId) : parent;
  const volume = new LoopVolume(fileSystem, 2_048, place);
  try {
    const meter = await createUsageMeter({ rootDir: parent, setting, logger: pino({ level: "silent" }) });
    await meter.prepare({ workspaceId, uid: UID, quotaBytes: 1024 ** 3 }, { inUse: false });
    const dir = join(parent, workspaceId);
    fill(dir);
    execFileSync("sync", ["--file-system", dir]);
    await delay(SETTLED_MS); // files that were written just now are looked at again
    await meter.measure(workspaceId);

    const du = await median(async () => void spawnSync("du", ["--summarize", "--block-size=1", dir]));
    const check = await median(() => meter.read(workspaceId));
    const quiet = await median(() => meter.look(workspaceId));
    let count = 0;
    const busy = await median(async () => {
      fs.writeFileSync(join(dir, "folder-7", `new-${count++}`), "x");
      await meter.look(workspaceId);
    });
    const look = Math.max(quiet, busy);
    console.log(
      `${setting} on ${fileSystem}: du ${du.toFixed(1)} ms, check ${check.toFixed(3)} ms (${(du / check).toFixed(0)} times ` +
        `less), look ${look.toFixed(2)} ms (${(du / look).toFixed(1)} times less)`,
    );
    await meter.close();
  } finally {
    volume.remove();
    fs.rmSync(parent, { recursive: true, force: true });
  }
}

function fill(dir: string): void {
  for (let folder = 0; folder * FILES_PER_FOLDER < files; folder++) {
    const path = join(dir, `folder-${folder}`);
    fs.mkdirSync(path);
    for (let file = 0; file < FILES_PER_FOLDER; file++) fs.writeFileSync(join(path, `file-${file}`), "some content\n");
  }
}

async function median(action: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < REPEATS; run++) {
    const startedAt = performance.now();
    await action();
    times.push(performance.now() - startedAt);
  }
  return times.sort((a, b) => a - b)[Math.floor(REPEATS / 2)] ?? Number.NaN;
}
