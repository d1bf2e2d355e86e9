import type { Queryable } from "../../runtime/database.ts";
import type { CredentialReader } from "../../workspace/credentials/credential-reader.ts";
import { CredentialNotFoundError } from "../../workspace/credentials/errors.ts";
import type { ConfiguredDatabase, DatabaseSource } from "./database-query.ts";

/** Databases that workspaces bring themselves: their credentials of kind `database`. */
export class WorkspaceDatabases implements DatabaseSource {
  readonly #database: Queryable;
  readonly #credentials: Pick<CredentialReader, "database">;

  constructor(deps: { readonly pool: Queryable; readonly credentials: Pick<CredentialReader, "database"> }) {
    this.#database = deps.pool;
    this.#credentials = deps.credentials;
  }

  async find(workspaceId: string, name: string): Promise<ConfiguredDatabase | undefined> {
    try {
      const { url } = await this.#credentials.database(workspaceId, name);
      return { url, byAdministrator: false };
    } catch (error) {
      if (error instanceof CredentialNotFoundError) return undefined;
      throw error;
    }
  }

  async names(workspaceId: string): Promise<readonly string[]> {
    const { rows } = await this.#database.query<{ name: string }>(
      "SELECT name FROM credentials WHERE workspace_id = $1 AND kind = 'database' ORDER BY name",
      [workspaceId],
    );
    return rows.map(({ name }) => name);
  }
}
