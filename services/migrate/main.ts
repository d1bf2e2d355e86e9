import { PlatformError } from "../../contracts/errors.ts";
import { MigrateEnv } from "../../contracts/service-env.ts";
import { createPool } from "../runtime/database.ts";
import { ensureDatabaseRoles } from "../runtime/database-roles.ts";
import { createLogger } from "../runtime/logger.ts";
import { migrate } from "../runtime/migrate.ts";
import { parseEnv } from "../runtime/parse-env.ts";

// Brings the schema and everybody's rights up to date, and ends. It alone is given the owner of the database: what runs
// on has a role of its own, so that no service can change the schema, its rights or the append-only tables.
const env = parseEnv("migrate", MigrateEnv, process.env);
const log = createLogger({ service: "migrate", level: env.LOG_LEVEL });
const applicationName = "automatos-migrate";

async function ensureRoles(): Promise<void> {
  if (env.ADMIN_DATABASE_URL === undefined || env.ROLE_PASSWORDS === undefined) return;
  const owner = new URL(env.DATABASE_URL);
  const admin = createPool({ url: env.ADMIN_DATABASE_URL, applicationName, log, max: 1 });
  try {
    await ensureDatabaseRoles(admin, {
      database: decodeURIComponent(owner.pathname.slice(1)),
      owner: { name: decodeURIComponent(owner.username), password: decodeURIComponent(owner.password) },
      services: env.ROLE_PASSWORDS,
    });
  } finally {
    await admin.end();
  }
}

async function applyMigrations(): Promise<void> {
  const pool = createPool({ url: env.DATABASE_URL, applicationName, log, max: 2 });
  try {
    await migrate(pool, log);
  } finally {
    await pool.end();
  }
}

try {
  await ensureRoles();
  await applyMigrations();
} catch (error) {
  const remedy = error instanceof PlatformError ? error.remedy : undefined;
  log.fatal({ event: "migration_failed", err: error, remedy }, "the schema could not be brought up to date");
  process.exitCode = 1;
}
