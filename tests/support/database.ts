import { pino } from "pino";
import { createPool } from "../../services/runtime/database.ts";
import { migrate } from "../../services/runtime/migrate.ts";
import type { TestDatabase, TestPostgres } from "./postgres.ts";

/** For parts that want a logger in tests that do not look at it. */
export const silentLog = pino({ level: "silent" });

const templates = new WeakMap<TestPostgres, Promise<string>>();

/** A database of its own with every migration applied: a copy of one that is migrated once per server. */
export async function migratedDatabase(server: TestPostgres): Promise<TestDatabase> {
  let template = templates.get(server);
  if (template === undefined) {
    template = createTemplate(server);
    templates.set(server, template);
  }
  return server.createDatabase({ template: await template });
}

async function createTemplate(server: TestPostgres): Promise<string> {
  const { name, url } = await server.createDatabase();
  await migrateDatabase(url);
  return name;
}

/** Applies every migration, as the owner of the database. */
export async function migrateDatabase(url: string): Promise<void> {
  const pool = createPool({ url, applicationName: "test-migrate", log: silentLog, max: 1 });
  try {
    await migrate(pool, silentLog);
  } finally {
    await pool.end();
  }
}
