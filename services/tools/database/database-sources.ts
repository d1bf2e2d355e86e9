import type { ConfiguredDatabase, DatabaseSource } from "./database-query.ts";

/** Databases of the installation's configuration. */
export class ConfiguredDatabases implements DatabaseSource {
  readonly #databases: readonly AdministratorsDatabase[];

  constructor(databases: readonly AdministratorsDatabase[]) {
    this.#databases = databases;
  }

  async find(workspaceId: string, name: string): Promise<ConfiguredDatabase | undefined> {
    const found = this.#of(workspaceId).find((database) => database.name === name);
    return found === undefined ? undefined : { url: found.url, byAdministrator: true };
  }

  async names(workspaceId: string): Promise<readonly string[]> {
    return this.#of(workspaceId).map(({ name }) => name);
  }

  #of(workspaceId: string): AdministratorsDatabase[] {
    return this.#databases.filter(({ workspaces }) => workspaces === "all" || workspaces.includes(workspaceId));
  }
}

export interface AdministratorsDatabase {
  readonly name: string;
  readonly url: string;
  /** Ids of workspaces that may query it. */
  readonly workspaces: "all" | readonly string[];
}

/** Asks one source after the other. */
export class DatabaseSources implements DatabaseSource {
  readonly #sources: readonly DatabaseSource[];

  constructor(sources: readonly DatabaseSource[]) {
    this.#sources = sources;
  }

  async find(workspaceId: string, name: string): Promise<ConfiguredDatabase | undefined> {
    for (const source of this.#sources) {
      const found = await source.find(workspaceId, name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async names(workspaceId: string): Promise<readonly string[]> {
    const names = await Promise.all(this.#sources.map((source) => source.names(workspaceId)));
    return [...new Set(names.flat())].sort();
  }
}
