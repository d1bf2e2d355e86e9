import { prepared, type PoolClient, type Queryable } from "../../runtime/database.ts";

/**
 * Which one of many processes has a role. A row with a lease, since a process that stands still (SIGSTOP, a frozen
 * machine) keeps its connections, and an advisory lock with them, and nobody else would ever take over.
 */
export class Leadership {
  readonly #role: string;
  readonly #holder: string;
  readonly #seconds: number;

  /** `seconds`: how long the role stays with a holder that is not heard of. */
  constructor(deps: { readonly role: string; readonly holder: string; readonly seconds: number }) {
    this.#role = deps.role;
    this.#holder = deps.holder;
    this.#seconds = deps.seconds;
  }

  /** Takes the role when it is free, or prolongs it. Resolves to whether this process has it. */
  async acquire(database: Queryable): Promise<boolean> {
    const { rowCount } = await database.query(
      `INSERT INTO leadership (role, holder, expires_at) VALUES ($1, $2, now() + $3::float8 * interval '1 second')
       ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
       WHERE leadership.holder = excluded.holder OR leadership.expires_at < now()`,
      [this.#role, this.#holder, this.#seconds],
    );
    return rowCount === 1;
  }

  /**
   * Within a transaction: whether this process has the role, which then stays with it until the transaction ends.
   * Statements after this one see all that any holder before has done.
   */
  async confirm(client: PoolClient): Promise<boolean> {
    const { rowCount } = await client.query(
      prepared("SELECT FROM leadership WHERE role = $1 AND holder = $2 AND expires_at > now() FOR UPDATE", [
        this.#role,
        this.#holder,
      ]),
    );
    return rowCount === 1;
  }

  async release(database: Queryable): Promise<void> {
    await database.query("DELETE FROM leadership WHERE role = $1 AND holder = $2", [this.#role, this.#holder]);
  }
}
