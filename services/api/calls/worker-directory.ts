import { createHash } from "node:crypto";
import { type Pool, prepared } from "../../runtime/database.ts";

/** A worker that takes tool calls. */
export interface CallWorker {
  readonly workerId: string;
  readonly url: string;
}

/** A worker that came or went is noticed after this; one that refuses a connection is noticed at once. */
const FRESH_MS = 1_000;
const LIVE_WORKERS = `SELECT id AS "workerId", tools_url AS url FROM workers
   WHERE tools_url IS NOT NULL AND heartbeat_at > now() - lease_seconds * interval '1 second'`;

/** The workers that take calls, as the record knows them. */
export class WorkerDirectory {
  readonly #pool: Pick<Pool, "query">;
  #known: Promise<readonly CallWorker[]> | undefined;
  #knownAt = -Infinity;

  constructor(deps: { readonly pool: Pick<Pool, "query"> }) {
    this.#pool = deps.pool;
  }

  /**
   * Live workers in the order in which this workspace tries them: the same one first as long as it lives, so that the
   * workspace's calls are counted in one place, and each workspace's order is another, so that they spread.
   */
  async for(workspaceId: string): Promise<CallWorker[]> {
    const workers = await this.#live();
    const rank = ({ workerId }: CallWorker) => createHash("sha1").update(`${workspaceId} ${workerId}`).digest("hex");
    return workers
      .map((worker) => ({ worker, rank: rank(worker) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .map(({ worker }) => worker);
  }

  /** Something that was known is not so: the record is read anew for the next call. */
  forget(): void {
    this.#knownAt = -Infinity;
  }

  #live(): Promise<readonly CallWorker[]> {
    const now = performance.now();
    if (this.#known === undefined || now - this.#knownAt > FRESH_MS) {
      this.#knownAt = now;
      this.#known = this.#pool.query<CallWorker>(prepared(LIVE_WORKERS, [])).then(({ rows }) => rows);
      this.#known.catch(() => this.forget());
    }
    return this.#known;
  }
}
