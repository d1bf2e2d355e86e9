import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { dynamic } from "@pulumi/pulumi";
import pg from "pg";
import { hostEnvironment } from "./host-environment.ts";
import { PROJECT_DIR } from "./project-folder.ts";

/** What LocalMigrations is given; plain data, as it is in a stack's state. */
export interface MigrationsInputs {
  readonly databaseUrl: string;
  readonly program: string;
  readonly sourceHash: string;
}

export interface MigrationsOutputs extends MigrationsInputs {
  /** Names of the migrations that the database holds. */
  readonly applied: readonly string[];
}

const MIGRATIONS_DIR = join("services", "runtime", "migrations");
const TIMEOUT_MS = 600_000;
const LOOK_MS = 5_000;
const run = promisify(execFile);

/** Runs the migrations, as Pulumi asks for it. `diff` looks at the database too: its data may have been removed. */
export function migrationsProvider(projectDir = PROJECT_DIR) {
  async function apply(inputs: MigrationsInputs): Promise<MigrationsOutputs> {
    const env = { ...hostEnvironment(), DATABASE_URL: inputs.databaseUrl };
    try {
      await run(process.execPath, ["--disable-warning=ExperimentalWarning", inputs.program], {
        cwd: projectDir,
        env,
        timeout: TIMEOUT_MS,
        killSignal: "SIGKILL",
      });
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      // The error's own message repeats the command line; the URL is in the environment alone.
      throw new Error(`the migrations could not be applied:\n${`${stdout}${stderr}`.trim()}`, { cause: error });
    }
    return { ...inputs, applied: await applied(inputs.databaseUrl) };
  }

  return {
    async diff(_id: string, olds: MigrationsOutputs, news: MigrationsInputs): Promise<dynamic.DiffResult> {
      if (olds.sourceHash !== news.sourceHash || olds.databaseUrl !== news.databaseUrl) return { changes: true };
      const wanted = readdirSync(join(projectDir, MIGRATIONS_DIR)).filter((name) => /^\d{4}_.*\.sql$/.test(name));
      const found = new Set(await applied(news.databaseUrl).catch(() => []));
      return { changes: wanted.some((name) => !found.has(name)) };
    },

    async create(inputs: MigrationsInputs): Promise<dynamic.CreateResult<MigrationsOutputs>> {
      return { id: "migrations", outs: await apply(inputs) };
    },

    async update(
      _id: string,
      _olds: MigrationsOutputs,
      news: MigrationsInputs,
    ): Promise<dynamic.UpdateResult<MigrationsOutputs>> {
      return { outs: await apply(news) };
    },
  };
}

async function applied(databaseUrl: string): Promise<string[]> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: LOOK_MS,
    query_timeout: LOOK_MS,
  });
  client.on("error", () => undefined); // the query that it breaks says so
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string }>("SELECT name FROM migrations ORDER BY name");
    return rows.map(({ name }) => name);
  } finally {
    await client.end().catch(() => undefined);
  }
}
