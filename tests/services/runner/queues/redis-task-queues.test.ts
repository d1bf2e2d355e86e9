import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";
import { pino } from "pino";
import { Redis } from "ioredis";
import { QueuesUnreachableError } from "../../../../services/runner/errors.ts";
import { RedisTaskQueues } from "../../../../services/runner/queues/redis-task-queues.ts";
import { eventually, takeAll } from "../../../contract/task-queues.contract.ts";
import { makeCertificates } from "../../../support/certificates.ts";
import { silentLog } from "../../../support/database.ts";
import { redisIsMissing, startRedis } from "../../../support/redis.ts";

const MODULE = path.resolve(import.meta.dirname, "../../../../services/runner/queues/redis-task-queues.ts");

describe("RedisTaskQueues", { timeout: 120_000, skip: await redisIsMissing() }, () => {
  it("keeps what was added through a SIGKILL of the server, and knows that it did", async () => {
    const redis = await startRedis();
    const queues = new RedisTaskQueues({ url: redis.url, log: silentLog });
    const ids = Array.from({ length: 200 }, () => randomUUID());
    await eventually(() => queues.refillIfEmptied(async () => undefined));
    await queues.add("normal", ids);
    await redis.restart();
    assert.equal(await eventually(() => queues.refillIfEmptied(async () => assert.fail("it is whole"))), false);
    assert.deepEqual(await takeAll(queues, "normal"), ids);
    await queues.close();
    await redis.stop();
  });

  it("is filled by one call after it came back empty, and again when that one failed", async () => {
    const redis = await startRedis();
    const queues = new RedisTaskQueues({ url: redis.url, log: silentLog });
    const id = randomUUID();
    const fail = async () => Promise.reject(new Error("no"));
    await eventually(async () => queues.refillIfEmptied(async () => undefined));
    await redis.restart({ empty: true });
    await assert.rejects(
      eventuallyReached(() => queues.refillIfEmptied(fail)),
      /^Error: no$/,
    );
    assert.equal(await queues.refillIfEmptied(() => queues.add("low", [id])), true);
    assert.equal(await queues.refillIfEmptied(fail), false);
    assert.deepEqual(await takeAll(queues, "low"), [id]);
    await queues.close();
    await redis.stop();
  });

  it("fails within seconds while nobody answers, at once while nobody is there, and works again after", async () => {
    const redis = await startRedis();
    const queues = new RedisTaskQueues({ url: redis.url, log: silentLog });
    await eventually(() => queues.add("high", [randomUUID()]).then(() => true));
    redis.pause();
    await assert.rejects(queues.add("high", [randomUUID()]));
    await assert.rejects(queues.take("high"));
    redis.resume();
    await redis.kill();
    await assert.rejects(queues.add("high", [randomUUID()]));
    await redis.restart({ empty: true });
    const last = randomUUID();
    await eventually(() => queues.add("high", [last]).then(() => true));
    assert.deepEqual(await takeAll(queues, "high"), [last]);
    await queues.close();
    await redis.stop();
  });

  it("leaves no more keys behind than it had, but its own few", async () => {
    const redis = await startRedis();
    const queues = new RedisTaskQueues({ url: redis.url, log: silentLog });
    const client = new Redis(redis.url);
    const keys = async () => (await client.keys("*")).sort();
    const pass = async () => {
      const ids = Array.from({ length: 300 }, () => randomUUID());
      await queues.add("normal", ids);
      assert.equal((await takeAll(queues, "normal")).length, ids.length);
    };
    await eventually(() => queues.refillIfEmptied(async () => undefined).then(() => true));
    await pass();
    const before = await keys();
    await pass();
    assert.deepEqual(await keys(), before);
    assert.ok(
      before.every((key) => key.startsWith("automatos:")),
      before.join(" "),
    );
    client.disconnect();
    await queues.close();
    await redis.stop();
  });

  it("says in no log with which password it was refused", async () => {
    const redis = await startRedis({ password: "the-right-one" });
    const lines: string[] = [];
    const log = pino({ level: "trace" }, { write: (line: string) => void lines.push(line) });
    const wrong = redis.url.replace("the-right-one", "not-this-one");
    const queues = new RedisTaskQueues({ url: wrong, log });
    await eventually(async () => lines.some((line) => line.includes("redis_lost")) || undefined);
    await assert.rejects(queues.add("low", [randomUUID()]));
    await queues.close();
    assert.doesNotMatch(lines.join(""), /not-this-one|the-right-one/);
    await redis.stop();
  });

  it("speaks TLS, with a password, to a server whose authority it was given, and to no other", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "automatos-redis-tls-"));
    const { caFile, key, cert } = await makeCertificates(folder);
    const files = { certFile: path.join(folder, "server.pem"), keyFile: path.join(folder, "server.key"), caFile };
    await writeFile(files.certFile, cert);
    await writeFile(files.keyFile, key);
    const redis = await startRedis({ password: "a-password", tls: files });
    // An authority is given to a process at its start.
    const script = `
      import { RedisTaskQueues } from ${JSON.stringify(MODULE)};
      const lost = Promise.withResolvers();
      const log = { warn: ({ reason }) => lost.resolve(reason), info: () => undefined, debug: () => undefined };
      const queues = new RedisTaskQueues({ url: process.env.REDIS_URL, log });
      for (let done; done === undefined;) {
        const late = new Promise((resolve) => setTimeout(resolve, 20));
        done = await queues.add("low", ["x1"]).then(() => "added", () => Promise.race([lost.promise, late]));
      }
      console.log(await queues.add("low", ["x1"]).then(() => "added", () => lost.promise));
      await queues.close();`;
    const run = async (env: Record<string, string>) =>
      (
        await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", script], {
          env: { PATH: process.env["PATH"], REDIS_URL: redis.url, ...env },
        })
      ).stdout.trim();
    assert.equal(await run({ NODE_EXTRA_CA_CERTS: caFile }), "added");
    assert.match(await run({}), /certificate/);
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });
});

/** Asks again while the server is not reached. */
async function eventuallyReached<T>(ask: () => Promise<T>): Promise<T> {
  const outcome = await eventually(() =>
    ask().then(
      (value) => ({ value }),
      (error: unknown) => (error instanceof QueuesUnreachableError ? undefined : { error }),
    ),
  );
  if ("error" in outcome) throw outcome.error;
  return outcome.value;
}
