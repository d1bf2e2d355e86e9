import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { dynamic } from "@pulumi/pulumi";
import pg from "pg";
import type { Daemon } from "./daemon.ts";
import { logFileOf } from "./daemon-record.ts";
import { type DaemonStatus, endDaemon, ensureDaemon, portConflict, statusOf } from "./daemon-resource.ts";
import { hostEnvironment } from "./host-environment.ts";
import { preparePostgres } from "./postgres-server.ts";
import type { ProcessIdentity } from "./process-table.ts";
import { PROJECT_DIR } from "./project-folder.ts";
import { knownIdentity, reportStatus } from "./service-provider.ts";

/** What a LocalPostgres is given; plain data, as it is in a stack's state. */
export interface PostgresInputs {
  readonly port: number;
  readonly portKey: string;
  readonly ownerPassword: string;
  readonly apiPassword: string;
  readonly workerPassword: string;
  readonly gatewayPassword: string;
}

/** What a LocalPostgres becomes. The passwords stay among the inputs, encrypted. */
export interface PostgresOutputs extends ProcessIdentity {
  readonly port: number;
  readonly portKey: string;
  /** Of the settings that need a restart. */
  readonly fingerprint: string;
  /** Of the roles' passwords, which need none. */
  readonly rolesFingerprint: string;
  readonly status: DaemonStatus;
  /** Below the project's folder. */
  readonly logFile: string;
}

const NAME = "postgres";
const READY_SECONDS = 120; // a killed server first replays its log
const STOP_GRACE_SECONDS = 30;

const clusterDir = (projectDir: string) => join(projectDir, ".automatos", "postgres");
const sha256 = (value: unknown) => createHash("sha256").update(JSON.stringify(value)).digest("hex");

function connectAsSuperuser(projectDir: string, port: number, database: string): pg.Client {
  const password = readFileSync(join(clusterDir(projectDir), "superuser-password"), "utf8").trim();
  const CONNECT_MS = 2_000;
  return new pg.Client({
    host: "127.0.0.1",
    port,
    user: "postgres",
    password,
    database,
    ssl: false,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: 60_000,
  });
}

async function withSuperuser(
  projectDir: string,
  port: number,
  database: string,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  const client = connectAsSuperuser(projectDir, port, database);
  client.on("error", () => undefined); // the query that it breaks says so
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function isPostgresReady(projectDir: string, port: number): Promise<boolean> {
  try {
    await withSuperuser(projectDir, port, "postgres", async (client) => {
      await client.query("SELECT 1");
    });
    return true;
  } catch {
    return false;
  }
}

/** Makes the roles and the database, or sets their passwords anew: data may outlive the stack that made them. */
async function ensureRoles(projectDir: string, inputs: PostgresInputs): Promise<void> {
  await withSuperuser(projectDir, inputs.port, "postgres", async (client) => {
    await client.query("SET log_min_error_statement = panic"); // statements below hold passwords
    for (const [role, password] of Object.entries(rolesOf(inputs))) {
      const { rowCount } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
      if (rowCount === 0) await client.query(`CREATE ROLE ${role}`);
      await client.query(
        `ALTER ROLE ${role} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD ${client.escapeLiteral(password)}`,
      );
    }
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = 'automatos'");
    if (rowCount === 0) await client.query("CREATE DATABASE automatos OWNER automatos");
    await client.query("REVOKE CONNECT, TEMPORARY ON DATABASE automatos, postgres FROM PUBLIC");
    for (const role of Object.keys(rolesOf(inputs))) {
      await client.query(`GRANT CONNECT ON DATABASE automatos TO ${role}`);
    }
  });
}

function toDaemon(projectDir: string, inputs: PostgresInputs): Daemon {
  return {
    name: NAME,
    projectDir,
    fingerprint: sha256([inputs.port]),
    port: inputs.port,
    portKey: inputs.portKey,
    stopSignal: "SIGINT",
    stopGraceSeconds: STOP_GRACE_SECONDS,
    readyTimeoutSeconds: READY_SECONDS,
    prepare: async () => (await preparePostgres(clusterDir(projectDir))).serverCommand(inputs.port),
    env: { ...hostEnvironment(), LC_ALL: "C", TZ: "UTC" },
    isReady: async () => isPostgresReady(projectDir, inputs.port),
  };
}

async function ensure(projectDir: string, inputs: PostgresInputs, known?: ProcessIdentity): Promise<PostgresOutputs> {
  const daemon = toDaemon(projectDir, inputs);
  const identity = await ensureDaemon(daemon, known);
  await ensureRoles(projectDir, inputs);
  return {
    port: inputs.port,
    portKey: inputs.portKey,
    ...identity,
    fingerprint: daemon.fingerprint,
    rolesFingerprint: rolesFingerprint(inputs),
    status: "running",
    logFile: relative(projectDir, logFileOf(projectDir, NAME)),
  };
}

/** The owner, whom only the migrations use, and a role for each service. */
const rolesOf = (inputs: PostgresInputs) => ({
  automatos: inputs.ownerPassword,
  automatos_api: inputs.apiPassword,
  automatos_worker: inputs.workerPassword,
  automatos_gateway: inputs.gatewayPassword,
});

const rolesFingerprint = (inputs: PostgresInputs) => sha256(rolesOf(inputs));

/** The life of the PostgreSQL server of this machine, as Pulumi asks for it. Deleting it keeps the data. */
export function postgresProvider(projectDir = PROJECT_DIR) {
  return {
    async check(olds: Partial<PostgresOutputs>, news: PostgresInputs): Promise<dynamic.CheckResult<PostgresInputs>> {
      const conflict = await portConflict(projectDir, NAME, news.port, news.portKey, knownIdentity(olds));
      return { inputs: news, failures: conflict === undefined ? [] : [{ property: "port", reason: conflict }] };
    },

    async diff(_id: string, olds: PostgresOutputs, news: PostgresInputs): Promise<dynamic.DiffResult> {
      if (olds.fingerprint !== sha256([news.port])) return { changes: true };
      if (olds.rolesFingerprint !== rolesFingerprint(news)) return { changes: true };
      const status = await statusOf(projectDir, NAME, async () => isPostgresReady(projectDir, olds.port));
      reportStatus(NAME, olds.pid, status);
      return { changes: status !== "running" || olds.status !== "running" };
    },

    async create(inputs: PostgresInputs): Promise<dynamic.CreateResult<PostgresOutputs>> {
      return { id: NAME, outs: await ensure(projectDir, inputs) };
    },

    async read(id: string, props?: PostgresOutputs): Promise<dynamic.ReadResult<PostgresOutputs>> {
      if (props === undefined) return { id }; // nothing is known of it: it cannot be imported
      const status = await statusOf(projectDir, NAME, async () => isPostgresReady(projectDir, props.port));
      return { id, props: { ...props, status } };
    },

    async update(
      _id: string,
      olds: PostgresOutputs,
      news: PostgresInputs,
    ): Promise<dynamic.UpdateResult<PostgresOutputs>> {
      return { outs: await ensure(projectDir, news, knownIdentity(olds)) };
    },

    async delete(_id: string, props: PostgresOutputs): Promise<void> {
      await endDaemon(projectDir, NAME, knownIdentity(props));
    },
  };
}
