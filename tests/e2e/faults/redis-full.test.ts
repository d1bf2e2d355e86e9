import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import type { TestRedis } from "../../support/redis.ts";
import { describeFault } from "./describe-fault.ts";
import { TASKS } from "./load.ts";
import { redisOf } from "./redis-of.ts";

const DISK_MB = 64;

/** Resolves when Redis refuses to write (`true`) or does not. */
async function untilRefuses({ url }: TestRedis, refuses: boolean): Promise<void> {
  const client = new Redis(url);
  try {
    for (;;) {
      const refused = await client.set("fault:probe", "x", "PX", 1).then(
        () => false,
        () => true,
      );
      if (refused === refuses) return;
    }
  } finally {
    client.disconnect();
  }
}

await describeFault({
  name: "a full disk below Redis' append-only file, for a while,",
  startedAgain: 0,
  around() {
    const folder = mkdtempSync(path.join(tmpdir(), "automatos-redis-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m,mode=0700`, "tmpfs", folder]);
    return {
      platform: { redisSettings: { dir: folder } },
      remove() {
        execFileSync("umount", ["--lazy", folder]);
        rmSync(folder, { recursive: true });
      },
    };
  },
  async inject(platform, load) {
    const redis = redisOf(platform);
    const client = new Redis(redis.url);
    const [, folder = ""] = (await client.config("GET", "dir")) as string[];
    client.disconnect();
    const filler = path.join(folder, "filler");
    await writeFile(filler, Buffer.alloc(DISK_MB * 1024 ** 2)).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    });
    await untilRefuses(redis, true);
    await load.untilEnded(TASKS / 2); // tasks are done all the same
    await rm(filler);
    await untilRefuses(redis, false);
  },
});

await describeFault({
  name: "a Redis without memory, for a while,",
  startedAgain: 0,
  async inject(platform, load) {
    const redis = redisOf(platform);
    const client = new Redis(redis.url);
    await client.config("SET", "maxmemory", "1mb");
    await untilRefuses(redis, true);
    await load.untilEnded(TASKS / 2); // tasks are done all the same
    await client.config("SET", "maxmemory", "0");
    client.disconnect();
  },
});
