import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import pg from "pg";
import type { ToolInput } from "../../../contracts/tools.ts";
import { PlatformError, ToolNotConfiguredError } from "../../../contracts/errors.ts";
import { withDeadline } from "../deadline.ts";
import { openTunnel, type GatewayRoute } from "../gateway/tunnel.ts";
import type { AdapterContext, ToolAdapter } from "../tool-adapter.ts";
import { NetworkAccessOffError } from "../tool-errors.ts";
import {
  DatabaseAnswerTooLargeError,
  DatabaseNotFoundError,
  DatabaseQueryFailedError,
  DatabaseUnreachableError,
} from "./database-errors.ts";
import { requireReadOnlyRole } from "./read-only-role.ts";
import { readRows } from "./read-rows.ts";
import { parseDatabaseUrl, type DatabaseTarget } from "./target.ts";

/** A database that a workspace may query. */
export interface ConfiguredDatabase {
  readonly url: string;
  /** Whoever runs the platform chose the server: it is reached directly. Others' go through the gateway and its rules. */
  readonly byAdministrator: boolean;
}

/** Which databases a workspace has. */
export interface DatabaseSource {
  find(workspaceId: string, name: string): Promise<ConfiguredDatabase | undefined>;
  /** For the message about a name that is none. */
  names(workspaceId: string): Promise<readonly string[]>;
}

export interface DatabaseQueryDeps {
  readonly databases: DatabaseSource;
  /** @default only databases of administrators can be reached */
  readonly gateway?: GatewayRoute | undefined;
}

/** Beside the statement's own time: to connect, to look at the role. */
const SLACK_SECONDS = 10;
const CONNECT_TIMEOUT_MS = 8_000;
/** Whatever the server sends beyond this ends the connection: one value may have a gigabyte. */
const MAX_WIRE_BYTES = 16 * 1024 ** 2;
/** A statement whose client is gone is ended by the server itself. */
const CLIENT_CHECK_MS = 2_000;

/**
 * One SQL statement that reads. What keeps it from more than that: a role that is looked at before each call and must
 * have no right to change anything, a transaction that only reads, a cursor (which takes a query and nothing else), the
 * extended protocol (one statement), a statement timeout, and limits of rows and bytes. The transaction is always
 * rolled back.
 *
 * Answers `{ columns: [{ name, type }], rows: [[...]], rowCount, truncated }`.
 */
export class DatabaseQueryAdapter implements ToolAdapter<"database_query"> {
  readonly name = "database_query";
  readonly #deps: DatabaseQueryDeps;

  constructor(deps: DatabaseQueryDeps) {
    this.#deps = deps;
  }

  async call(input: ToolInput<"database_query">, context: AdapterContext): Promise<unknown> {
    const { workspaceId } = context.identity;
    const found = await this.#deps.databases.find(workspaceId, input.database);
    if (found === undefined) {
      throw new DatabaseNotFoundError(input.database, await this.#deps.databases.names(workspaceId));
    }
    const target = parseDatabaseUrl(input.database, found.url);
    return withDeadline(this.name, input.timeoutSeconds + SLACK_SECONDS, context.signal, async (signal) => {
      const stream = found.byAdministrator ? new Socket() : await this.#throughGateway(target, context, signal);
      return runQuery(target, stream, input, signal);
    });
  }

  async #throughGateway(target: DatabaseTarget, context: AdapterContext, signal: AbortSignal): Promise<Duplex> {
    const { gateway } = this.#deps;
    const { identity, networkAccess } = context;
    if (!networkAccess) throw new NetworkAccessOffError(this.name);
    if (gateway === undefined)
      throw new ToolNotConfiguredError(this.name, "GATEWAY_SOCKET or GATEWAY_ADDRESS of the API");
    const tunnel = await openTunnel(gateway, identity, target, signal);
    // The driver connects the stream that it is given; this one is.
    return Object.assign(tunnel, {
      connect() {
        queueMicrotask(() => tunnel.emit("connect"));
        return tunnel;
      },
    });
  }
}

async function runQuery(
  target: DatabaseTarget,
  stream: Duplex,
  input: ToolInput<"database_query">,
  signal: AbortSignal,
): Promise<unknown> {
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    user: target.user,
    password: target.password,
    database: target.database,
    ssl: target.tls,
    stream: () => stream,
    application_name: "automatos database_query",
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  });
  const received = { tooMuch: false };
  client.on("error", () => undefined); // the statement that it breaks tells it
  const abort = () => stream.destroy();
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    await client.connect().catch((error: unknown) => {
      throw new DatabaseUnreachableError(input.database, reasonOf(error), error);
    });
    countBytes(client, () => {
      received.tooMuch = true;
      stream.destroy();
    });
    await beginReading(client, input);
    const { columns, rows, truncated } = await readRows(client, input);
    return { columns, rows, rowCount: rows.length, truncated };
  } catch (error) {
    if (signal.aborted || error instanceof PlatformError) throw error;
    if (received.tooMuch) throw new DatabaseAnswerTooLargeError(input.database, MAX_WIRE_BYTES);
    if (error instanceof pg.DatabaseError) {
      throw new DatabaseQueryFailedError(input.database, error.code ?? "XX000", error.message);
    }
    throw new DatabaseUnreachableError(input.database, "the connection was lost", error);
  } finally {
    signal.removeEventListener("abort", abort);
    await client.query("ROLLBACK").catch(() => undefined);
    await client.end().catch(() => undefined);
    stream.destroy();
  }
}

async function beginReading(client: pg.Client, { database, timeoutSeconds }: ToolInput<"database_query">) {
  const timeoutMs = timeoutSeconds * 1_000;
  await client.query("BEGIN TRANSACTION READ ONLY");
  await client.query(
    `SELECT pg_catalog.set_config('statement_timeout', $1, true),
            pg_catalog.set_config('idle_in_transaction_session_timeout', $1, true),
            CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 140000
                 THEN pg_catalog.set_config('client_connection_check_interval', $2, true) END`,
    [String(timeoutMs), String(CLIENT_CHECK_MS)],
  );
  await requireReadOnlyRole(client, database);
}

function countBytes(client: pg.Client, onTooMany: () => void): void {
  // The driver's connection has no type; after the handshake its stream is the one that is read, TLS or not.
  const { connection } = client as unknown as { readonly connection: { readonly stream: Duplex } };
  let bytes = 0;
  connection.stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_WIRE_BYTES) onTooMany();
  });
}

/** In words that hold neither host nor address. */
function reasonOf(error: unknown): string {
  if (error instanceof pg.DatabaseError) return `it refuses the connection (SQLSTATE ${error.code ?? "unknown"})`;
  const { code, message } = error as NodeJS.ErrnoException;
  if (/certificate|self.signed|altname/i.test(`${code ?? ""} ${message}`)) return "its TLS certificate is not trusted";
  if (message.includes("SSL")) return "it does not speak TLS";
  if (/timeout/i.test(`${code ?? ""} ${message}`)) return "it does not answer";
  return "no connection comes about";
}
