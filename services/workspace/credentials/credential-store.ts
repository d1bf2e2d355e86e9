import type { CredentialInput } from "../../../contracts/credential.ts";
import {
  type Credential,
  type CredentialKeyUse,
  type CredentialRotation,
  type CredentialKind,
} from "../../../contracts/credential.ts";
import { withTransaction, type Pool, type PoolClient } from "../../runtime/database.ts";
import { CredentialKindConflictError, CredentialNotFoundError, TooManyCredentialsError } from "./errors.ts";
import type { CredentialKeyRing } from "./key-ring.ts";
import { listKeyUse, rotateCredentialKeys } from "./rotate-keys.ts";

/** More are no credentials but a database. */
const MAX_PER_WORKSPACE = 200;

interface Row {
  readonly name: string;
  readonly kind: CredentialKind;
  readonly target: string;
  readonly version: number;
  readonly key_id: string;
  readonly fingerprint: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly last_used_at: Date | null;
}

const SHOWN = "name, kind, target, version, key_id, fingerprint, created_at, updated_at, last_used_at";

/** Sets, lists and removes the credentials of workspaces. Gives no value back: see credential-reader.ts for who may. */
export class CredentialStore {
  readonly #pool: Pool;
  readonly #keys: CredentialKeyRing;

  constructor(deps: { readonly pool: Pool; readonly keys: CredentialKeyRing }) {
    this.#pool = deps.pool;
    this.#keys = deps.keys;
  }

  /**
   * Sets a credential: a new one, or another value of one that is there. Tasks that start from now on get it.
   *
   * @throws CredentialKindConflictError when the name is taken by one of another kind; TooManyCredentialsError
   */
  async set(workspaceId: string, name: string, input: CredentialInput): Promise<Credential> {
    return withTransaction(this.#pool, async (client) => {
      // One at a time in a workspace, so that versions have no gap and the limit holds.
      await client.query("SELECT pg_advisory_xact_lock(hashtextextended('credentials ' || $1, 0))", [workspaceId]);
      const before = await this.#before(client, workspaceId, name);
      if (before.kind !== null && before.kind !== input.kind) throw new CredentialKindConflictError(name, before.kind);
      if (before.kind === null && before.count >= MAX_PER_WORKSPACE) {
        throw new TooManyCredentialsError(workspaceId, MAX_PER_WORKSPACE);
      }
      const what = { workspaceId, name, kind: input.kind, target: targetOf(input), version: before.version + 1 };
      const value = JSON.stringify(input);
      const { keyId, nonce, sealed } = this.#keys.seal(value, what);
      const { rows } = await client.query<Row>(
        `INSERT INTO credentials (workspace_id, name, kind, target, version, key_id, nonce, sealed, fingerprint)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (workspace_id, name) DO UPDATE SET target = excluded.target, version = excluded.version,
           key_id = excluded.key_id, nonce = excluded.nonce, sealed = excluded.sealed,
           fingerprint = excluded.fingerprint, updated_at = now()
         RETURNING ${SHOWN}`,
        [
          workspaceId,
          name,
          input.kind,
          what.target,
          what.version,
          keyId,
          nonce,
          sealed,
          this.#keys.fingerprint(value, what),
        ],
      );
      const [row] = rows;
      if (row === undefined) throw new Error("an INSERT … RETURNING gave no row");
      return toCredential(row);
    });
  }

  /** By name. */
  async list(workspaceId: string): Promise<Credential[]> {
    const { rows } = await this.#pool.query<Row>(
      `SELECT ${SHOWN} FROM credentials WHERE workspace_id = $1 ORDER BY name`,
      [workspaceId],
    );
    return rows.map(toCredential);
  }

  /** Running tasks keep what they were given. @throws CredentialNotFoundError */
  async remove(workspaceId: string, name: string): Promise<void> {
    const { rowCount } = await this.#pool.query("DELETE FROM credentials WHERE workspace_id = $1 AND name = $2", [
      workspaceId,
      name,
    ]);
    if (rowCount === 0) throw new CredentialNotFoundError([name]);
  }

  /** How many credentials each key decrypts. */
  keyUse(): Promise<CredentialKeyUse[]> {
    return listKeyUse(this.#pool, this.#keys);
  }

  /** See rotate-keys.ts. */
  rotateKeys(): Promise<CredentialRotation> {
    return rotateCredentialKeys({ pool: this.#pool, keys: this.#keys });
  }

  async #before(client: PoolClient, workspaceId: string, name: string) {
    const { rows } = await client.query<{ kind: CredentialKind | null; version: number; count: number }>(
      `SELECT (SELECT kind FROM credentials WHERE workspace_id = $1 AND name = $2) AS kind,
         greatest((SELECT version FROM credentials WHERE workspace_id = $1 AND name = $2),
                  (SELECT version FROM credential_versions WHERE workspace_id = $1 AND name = $2), 0) AS version,
         (SELECT count(*)::int FROM credentials WHERE workspace_id = $1) AS count`,
      [workspaceId, name],
    );
    const [row] = rows;
    if (row === undefined) throw new Error("a SELECT without FROM gave no row");
    return row;
  }
}

/** What a credential is for, without anything of its value. */
function targetOf(input: CredentialInput): string {
  switch (input.kind) {
    case "env":
      return input.variable;
    case "ssh_key":
      return `${input.user}@${input.host}`;
    case "git_https":
      return input.host;
    case "file":
      return input.path;
    case "database": {
      const { host, pathname } = new URL(input.url);
      return `${host}${pathname}`;
    }
  }
}

const toCredential = (row: Row): Credential => ({
  name: row.name,
  kind: row.kind,
  target: row.target,
  version: row.version,
  fingerprint: row.fingerprint,
  keyId: row.key_id,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString(),
  lastUsedAt: row.last_used_at?.toISOString() ?? null,
});
