import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import pg from "pg";
import { pino } from "pino";
import { PostgresRepositoryLocks } from "../../../services/workspace/postgres-repository-locks.ts";
import {
  InMemoryRepositoryLocks,
  type RepositoryLocks,
  withLock,
} from "../../../services/workspace/repository-locks.ts";
import { startPostgres, type TestPostgres } from "../../support/postgres.ts";

const never = new AbortController().signal;

function describeRepositoryLocks(kind: string, create: () => RepositoryLocks): void {
  describe(`${kind} as RepositoryLocks`, () => {
    let locks: RepositoryLocks;
    before(() => (locks = create()));
    after(() => locks.close());

    it("lets one in at a time, and everybody in the end", async () => {
      let inside = 0;
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          withLock(locks, "one", never, async () => {
            inside += 1;
            assert.equal(inside, 1);
            await new Promise((resolve) => setImmediate(resolve));
            order.push(index);
            inside -= 1;
          }),
        ),
      );
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      );
    });

    it("does not mix names up", async () => {
      const first = await locks.acquire("a", { signal: never });
      const second = await locks.acquire("b", { signal: never });
      await first.release();
      await second.release();
    });

    it("gives up when the signal fires, and does not keep others waiting for it", async () => {
      const held = await locks.acquire("busy", { signal: never });
      const stop = new AbortController();
      const waiting = locks.acquire("busy", { signal: stop.signal });
      const behind = locks.acquire("busy", { signal: never });
      stop.abort(new Error("cancelled"));
      await assert.rejects(waiting, /cancelled/);
      await held.release();
      await held.release();
      await (await behind).release();
      await assert.rejects(locks.acquire("busy", { signal: stop.signal }), /cancelled/);
      await (await locks.acquire("busy", { signal: never })).release();
    });

    it("is released when what it protects fails", async () => {
      await assert.rejects(
        withLock(locks, "failing", never, () => Promise.reject(new Error("no"))),
        /no/,
      );
      await withLock(locks, "failing", never, async () => undefined);
    });
  });
}

describe("repository locks", () => {
  let postgres: TestPostgres;
  const logger = pino({ level: "silent" });
  const connect = () => new PostgresRepositoryLocks({ connectionString: postgres.url, logger });
  before(async () => (postgres = await startPostgres()));
  after(() => postgres.stop());

  describeRepositoryLocks("InMemoryRepositoryLocks", () => new InMemoryRepositoryLocks());
  describeRepositoryLocks("PostgresRepositoryLocks", () => connect());

  describe("PostgresRepositoryLocks between processes", () => {
    it("excludes another session, and lets it in after the release", async () => {
      const [one, other] = [connect(), connect()];
      const held = await one.acquire("shared", { signal: never });
      const waiting = other.acquire("shared", { signal: never });
      assert.equal(
        await Promise.race([waiting.then(() => "in"), one.acquire("x", { signal: never }).then(() => "out")]),
        "out",
      );
      await held.release();
      await (await waiting).release();
      await Promise.all([one.close(), other.close()]);
    });

    it("frees what a process held that went away", async () => {
      const [one, other] = [connect(), connect()];
      await one.acquire("crashed", { signal: never });
      await one.close();
      await (await other.acquire("crashed", { signal: never })).release();
      await assert.rejects(one.acquire("more", { signal: never }), /closed/);
      await other.close();
    });

    it("tells the holder when its connection is lost, and connects again for the next", async () => {
      const locks = connect();
      const held = await locks.acquire("lost", { signal: never });
      const told = new Promise((resolve) => held.lost.addEventListener("abort", resolve));
      const admin = new pg.Client({ connectionString: postgres.adminUrl });
      await admin.connect();
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'automatos-locks'",
      );
      await admin.end();
      await told;
      assert.equal((held.lost.reason as { code?: string }).code, "REPOSITORY_LOCK_LOST");
      await held.release();
      const again = await locks.acquire("lost", { signal: never });
      assert.equal(again.lost.aborted, false);
      await again.release();
      await locks.close();
    });
  });
});
