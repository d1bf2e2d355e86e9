import type { Pool } from "./database.ts";

/** Roles of the services: what each may do is in migrations/grants.sql. */
export const SERVICE_ROLES = ["automatos_api", "automatos_worker", "automatos_gateway"] as const;
export type ServiceRole = (typeof SERVICE_ROLES)[number];

export interface DatabaseRoles {
  /** The database's name, its owner and his password: those of DATABASE_URL. */
  readonly database: string;
  readonly owner: { readonly name: string; readonly password: string };
  readonly services: Readonly<Record<ServiceRole, string>>;
}

/** Any number that no other user of advisory locks in the server's own database takes. */
const LOCK_KEY = 4_206_918;

/**
 * Makes the database, its owner and the services' roles, or sets their passwords anew: data may outlive the stack that
 * made them. Idempotent; any number of processes may do so at once.
 *
 * @param pool As one who may make roles and databases, connected to another database of the server; at most one
 *   connection, since the lock is the connection's.
 */
export async function ensureDatabaseRoles(pool: Pool, roles: DatabaseRoles): Promise<void> {
  const client = await pool.connect();
  try {
    // Statements below hold passwords. Only a superuser may keep them out of the server's log; others have no such log.
    await client.query("SET log_min_error_statement = panic").catch(() => undefined);
    await client.query("SELECT pg_advisory_lock($1)", [LOCK_KEY]);
    const passwords = { [roles.owner.name]: roles.owner.password, ...roles.services };
    for (const [role, password] of Object.entries(passwords)) {
      const { rowCount } = await client.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
      const name = client.escapeIdentifier(role);
      if (rowCount === 0) await client.query(`CREATE ROLE ${name}`);
      await client.query(
        `ALTER ROLE ${name} WITH LOGIN NOCREATEDB NOCREATEROLE PASSWORD ${client.escapeLiteral(password)}`,
      );
    }
    const database = client.escapeIdentifier(roles.database);
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [roles.database]);
    if (rowCount === 0) {
      const owner = client.escapeIdentifier(roles.owner.name);
      // who is no superuser may give a database only to a role that he is a member of
      await client.query(`GRANT ${owner} TO CURRENT_USER`);
      await client.query(`CREATE DATABASE ${database} OWNER ${owner}`);
    }
    await client.query(`REVOKE CONNECT, TEMPORARY ON DATABASE ${database} FROM PUBLIC`);
    for (const role of Object.keys(passwords)) {
      await client.query(`GRANT CONNECT ON DATABASE ${database} TO ${client.escapeIdentifier(role)}`);
    }
  } finally {
    client.release(true); // and with it the lock
  }
}
