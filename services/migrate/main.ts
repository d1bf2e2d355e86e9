import { PlatformError } from "../../contracts/errors.ts";
import { MigrateEnv } from "../../contracts/service-env.ts";
import { createPool } from "../runtime/database.ts";
import { createLogger } from "../runtime/logger.ts";
import { migrate } from "../runtime/migrate.ts";
import { parseEnv } from "../runtime/parse-env.ts";

// Brings the schema and everybody's rights up to date, and ends. It alone is given the owner of the database: what runs
// on has a role of its own, so that no service can change the schema, its rights or the append-only tables.
const env = parseEnv("migrate", MigrateEnv, process.env);
const log = createLogger({ service: "migrate", level: env.LOG_LEVEL });
const pool = createPool({ url: env.DATABASE_URL, applicationName: "automatos-migrate", log, max: 2 });
try {
  await migrate(pool, log);
} catch (error) {
  const remedy = error instanceof PlatformError ? error.remedy : undefined;
  log.fatal({ event: "migration_failed", err: error, remedy }, "the schema could not be brought up to date");
  process.exitCode = 1;
} finally {
  await pool.end();
}
