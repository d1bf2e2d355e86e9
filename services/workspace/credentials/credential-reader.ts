import type { TASK_CREDENTIAL_KINDS } from "../../../contracts/credential.ts";
import { CredentialInput, type CredentialKind, type CredentialOf } from "../../../contracts/credential.ts";
import type { Queryable } from "../../runtime/database.ts";
import { CredentialNotFoundError, CredentialUnreadableError } from "./errors.ts";
import type { CredentialKeyRing } from "./key-ring.ts";

export interface SealedRow {
  readonly workspace_id: string;
  readonly name: string;
  readonly kind: CredentialKind;
  readonly target: string;
  readonly version: number;
  readonly key_id: string;
  readonly nonce: Buffer;
  readonly sealed: Buffer;
}

export const SEALED_COLUMNS = "workspace_id, name, kind, target, version, key_id, nonce, sealed";

/** What a task is given, with its name. */
export type TaskCredential = { readonly name: string } & CredentialOf<(typeof TASK_CREDENTIAL_KINDS)[number]>;

/** The values of credentials, for those who use them. Each method needs its own rights in the database, and its own keys. */
export class CredentialReader {
  readonly #database: Queryable;
  readonly #keys: CredentialKeyRing;

  constructor(deps: { readonly pool: Queryable; readonly keys: CredentialKeyRing }) {
    this.#database = deps.pool;
    this.#keys = deps.keys;
  }

  /**
   * For the worker: the credentials that a task names, in that order.
   *
   * @throws CredentialNotFoundError for names that are unknown, or of a kind that no task is given.
   */
  async forTask(workspaceId: string, names: readonly string[]): Promise<TaskCredential[]> {
    if (names.length === 0) return [];
    const { rows } = await this.#database.query<SealedRow>(
      `SELECT ${SEALED_COLUMNS} FROM task_credentials WHERE workspace_id = $1 AND name = ANY ($2::text[])`,
      [workspaceId, names],
    );
    const found = new Map(rows.map((row) => [row.name, row]));
    const missing = names.filter((name) => !found.has(name));
    if (missing.length > 0) throw new CredentialNotFoundError(missing);
    const credentials = names.map((name) => this.#open(found.get(name)) as TaskCredential);
    await this.#note(workspaceId, names);
    return credentials;
  }

  /** For the gateway: what it adds to requests of git, by host. */
  async gitHttps(workspaceId: string): Promise<({ readonly name: string } & CredentialOf<"git_https">)[]> {
    const { rows } = await this.#database.query<SealedRow>(
      `SELECT ${SEALED_COLUMNS} FROM git_credentials WHERE workspace_id = $1 ORDER BY name`,
      [workspaceId],
    );
    return rows.map((row) => this.#open(row) as { name: string } & CredentialOf<"git_https">);
  }

  /** For the API's database_query. @throws CredentialNotFoundError when there is none of that name and kind. */
  async database(workspaceId: string, name: string): Promise<{ readonly name: string } & CredentialOf<"database">> {
    const { rows } = await this.#database.query<SealedRow>(
      `SELECT ${SEALED_COLUMNS} FROM credentials WHERE workspace_id = $1 AND name = $2 AND kind = 'database'`,
      [workspaceId, name],
    );
    const [row] = rows;
    if (row === undefined) throw new CredentialNotFoundError([name]);
    const credential = this.#open(row) as { name: string } & CredentialOf<"database">;
    await this.#note(workspaceId, [name]);
    return credential;
  }

  /** Says that credentials were used, for `lastUsedAt`. */
  async noteUse(workspaceId: string, names: readonly string[]): Promise<void> {
    await this.#note(workspaceId, names);
  }

  async #note(workspaceId: string, names: readonly string[]): Promise<void> {
    await this.#database.query("SELECT note_credential_use($1, $2)", [workspaceId, names]);
  }

  #open(row: SealedRow | undefined): { readonly name: string } & CredentialInput {
    if (row === undefined) throw new Error("a credential without its row");
    const parsed = CredentialInput.safeParse(JSON.parse(openRow(this.#keys, row)));
    if (!parsed.success || parsed.data.kind !== row.kind) throw new CredentialUnreadableError(row.name);
    return { name: row.name, ...parsed.data };
  }
}

/** The value of a row as it was sealed: JSON of a CredentialInput. */
export function openRow(keys: CredentialKeyRing, row: SealedRow): string {
  const what = {
    workspaceId: row.workspace_id,
    name: row.name,
    kind: row.kind,
    target: row.target,
    version: row.version,
  };
  return keys.open({ keyId: row.key_id, nonce: row.nonce, sealed: row.sealed }, what);
}
