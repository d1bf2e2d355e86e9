import type { Pool } from "pg";
import type { ToolAdapters, ToolSecrets } from "../../contracts/tool-adapters.ts";
import type { WorkspaceContents } from "../workspace/contents/workspace-contents.ts";
import { ComposioExecuteAdapter } from "./composio-execute.ts";
import { DatabaseQueryAdapter, type DatabaseSource } from "./database/database-query.ts";
import { ConfiguredDatabases, DatabaseSources } from "./database/database-sources.ts";
import { SearchDocumentsAdapter } from "./documents/search-documents.ts";
import type { GatewayRoute } from "./gateway/tunnel.ts";
import { HttpRequestAdapter } from "./http/http-request.ts";
import { IndexSearchAdapter } from "./index-search.ts";
import { ListTasksAdapter } from "./tasks/list-tasks.ts";
import { ReadTaskResultAdapter } from "./tasks/read-task-result.ts";
import { ToolSecretMissingError } from "./tool-errors.ts";
import type { Adapters } from "./tool-service.ts";

export interface AdapterResources {
  readonly config: ToolAdapters;
  readonly secrets: ToolSecrets;
  /** The way out for http_request and for databases that workspaces bring themselves. @default none */
  readonly gateway?: GatewayRoute | undefined;
  /** Databases that workspaces bring themselves. @default none */
  readonly workspaceDatabases?: DatabaseSource | undefined;
  /** The record. */
  readonly pool: Pick<Pool, "query">;
  /** What search_documents looks at. */
  readonly contents: Pick<WorkspaceContents, "listDocuments" | "readDocument">;
}

/**
 * The adapters of an installation's configuration; for a tool that it does not configure, the key that would.
 *
 * @throws ToolSecretMissingError when the configuration names what has no secret: an error at start, not at the first call.
 */
export function createAdapters(resources: AdapterResources): Adapters {
  const { config, gateway } = resources;
  return {
    search_documents: config.search_documents.enabled
      ? new SearchDocumentsAdapter({ ...resources, language: config.search_documents.language })
      : "tools.search_documents.enabled",
    semantic_search: indexSearch("semantic_search", resources),
    search_images: indexSearch("search_images", resources),
    search_tables: indexSearch("search_tables", resources),
    list_tasks: new ListTasksAdapter(resources),
    read_task_result: new ReadTaskResultAdapter(resources),
    database_query: databaseQuery(resources),
    composio_execute: composio(resources),
    http_request:
      gateway === undefined ? "GATEWAY_SOCKET or GATEWAY_ADDRESS of the API" : new HttpRequestAdapter({ gateway }),
  };
}

function indexSearch<Name extends "semantic_search" | "search_images" | "search_tables">(
  name: Name,
  { config, secrets }: AdapterResources,
): IndexSearchAdapter<Name> | string {
  const service = config[name];
  return service === undefined
    ? `tools.${name}.url`
    : new IndexSearchAdapter(name, { ...service, token: secrets[name] });
}

function databaseQuery(resources: AdapterResources): DatabaseQueryAdapter | string {
  const { config, secrets, gateway, workspaceDatabases } = resources;
  const configured = config.database_query.databases.map((database) => ({
    ...database,
    url: required(secrets.database_query[database.name], `database_query.${database.name}`),
  }));
  if (configured.length === 0 && workspaceDatabases === undefined) return "tools.database_query.databases";
  const own = workspaceDatabases === undefined ? [] : [workspaceDatabases];
  const databases = new DatabaseSources([new ConfiguredDatabases(configured), ...own]);
  return new DatabaseQueryAdapter({ databases, gateway });
}

function composio({ config, secrets }: AdapterResources): ComposioExecuteAdapter | string {
  const options = config.composio_execute;
  if (options === undefined) return "tools.composio_execute.tools";
  return new ComposioExecuteAdapter({ ...options, apiKey: required(secrets.composio_execute, "composio_execute") });
}

function required(secret: string | undefined, name: string): string {
  if (secret === undefined) throw new ToolSecretMissingError(name);
  return secret;
}
