import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "pino";
import { RepositoryLockLostError } from "./repository-errors.ts";
import { type HeldLock, InMemoryRepositoryLocks, type RepositoryLocks } from "./repository-locks.ts";

/** A database that cannot be asked so often in a row is not waited for. */
const MAX_FAILURES = 20;
/** How often a lock that another process holds is asked for; the wait grows from the first to the second number. */
const POLL_MS = [20, 500] as const;
const CONNECT_TIMEOUT_MS = 5_000;

/** One database session: the locks it holds live and die with it. */
interface Session {
  readonly client: pg.Client;
  readonly lost: AbortController;
  /** The statement that is under way: the next one waits for it, as the driver has no queue of its own. */
  asking: Promise<unknown>;
}

/**
 * Locks between processes and machines: advisory locks of PostgreSQL, all in one session of their own, which the server
 * ends, and with it the locks, when this process dies. Within the process tasks wait for each other in memory first:
 * a session may take its own lock twice.
 */
export class PostgresRepositoryLocks implements RepositoryLocks {
  readonly #connectionString: string;
  readonly #log: Logger;
  readonly #local = new InMemoryRepositoryLocks();
  readonly #closing = new AbortController();
  #session: Promise<Session> | undefined;

  constructor(deps: { readonly connectionString: string; readonly logger: Logger }) {
    this.#connectionString = deps.connectionString;
    this.#log = deps.logger;
  }

  async acquire(name: string, options: { readonly signal: AbortSignal }): Promise<HeldLock> {
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const local = await this.#local.acquire(name, { signal });
    try {
      const session = await this.#lock(name, signal);
      let held = true;
      return {
        lost: session.lost.signal,
        release: async () => {
          if (!held) return;
          held = false;
          // A session that is lost has released its locks already.
          await unlock(session, name).catch(() => undefined);
          await local.release();
        },
      };
    } catch (error) {
      await local.release();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the locks are closed"));
    const session = await this.#session?.catch(() => undefined);
    this.#session = undefined;
    await session?.client.end().catch(() => undefined);
  }

  async #lock(name: string, signal: AbortSignal): Promise<Session> {
    let failures = 0;
    for (let waitMs: number = POLL_MS[0]; ; waitMs = Math.min(waitMs * 2, POLL_MS[1])) {
      signal.throwIfAborted();
      try {
        const session = await this.#connected();
        if (await tryLock(session, name)) {
          if (!signal.aborted) return session;
          await unlock(session, name);
        }
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures >= MAX_FAILURES) throw new RepositoryLockLostError(error);
      }
      // Not all at the same moment: half of the wait is chance.
      await sleep(waitMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }

  #connected(): Promise<Session> {
    this.#session ??= this.#connect().catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  async #connect(): Promise<Session> {
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: "automatos-locks",
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    const lost = new AbortController();
    const lose = (error?: Error) => {
      if (lost.signal.aborted) return;
      lost.abort(new RepositoryLockLostError(error));
      this.#session = undefined;
      if (this.#closing.signal.aborted) return;
      this.#log.warn({ event: "repository_locks_lost", err: error }, "repository locks lost");
    };
    client.on("error", lose);
    client.on("end", lose);
    await client.connect();
    return { client, lost, asking: Promise.resolve() };
  }
}

async function tryLock(session: Session, name: string): Promise<boolean> {
  return (await ask(session, "SELECT pg_try_advisory_lock($1) AS done", name)) === true;
}

async function unlock(session: Session, name: string): Promise<void> {
  await ask(session, "SELECT pg_advisory_unlock($1) AS done", name);
}

function ask(session: Session, statement: string, name: string): Promise<boolean | undefined> {
  const answer = session.asking.then(async () => {
    const { rows } = await session.client.query<{ done: boolean }>(statement, [lockKey(name)]);
    return rows[0]?.done;
  });
  session.asking = answer.catch(() => undefined);
  return answer;
}

/** 64 bits of the name's hash: two names that meet only wait for each other. */
function lockKey(name: string): string {
  return createHash("sha256").update(`automatos ${name}`).digest().readBigInt64BE().toString();
}
