import type { ClientBase } from "pg";
import { DatabaseRoleNotReadOnlyError } from "./database-errors.ts";

/** Roles of PostgreSQL whose members reach files, programs, other sessions or all tables. */
const POWERFUL_ROLES = [
  "pg_checkpoint",
  "pg_create_subscription",
  "pg_execute_server_program",
  "pg_maintain",
  "pg_read_server_files",
  "pg_signal_backend",
  "pg_write_all_data",
  "pg_write_server_files",
];

/** Until version 16 a transaction that only reads could still write large objects. */
const LARGE_OBJECT_WRITERS = [
  "lo_creat(integer)",
  "lo_create(oid)",
  "lo_unlink(oid)",
  "lowrite(integer,bytea)",
  "lo_put(oid,bigint,bytea)",
  "lo_from_bytea(oid,bytea)",
  "lo_truncate(integer,integer)",
  "lo_truncate64(integer,bigint)",
];

/**
 * Everything that the session's role may do beside reading, and that of each role that it could become: `set_config`
 * in a query can change to any of them. One row, whose lists hold a few examples each.
 */
const RIGHTS = `
WITH roles AS (
  SELECT r.* FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
), relations AS (
  SELECT c.oid, c.relkind, c.relowner, pg_catalog.format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
    AND NOT (n.nspname = 'pg_catalog' AND c.relname = 'pg_settings')
)
SELECT
  ARRAY (SELECT rolname::text FROM roles
         WHERE rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication) AS attributes,
  ARRAY (SELECT rolname::text FROM roles WHERE rolname = ANY ($1::text[])) AS memberships,
  ARRAY (SELECT DISTINCT t.name FROM relations t, roles r
         WHERE t.relkind <> 'S' AND (t.relowner = r.oid
           OR pg_catalog.has_table_privilege(r.oid, t.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
           OR pg_catalog.has_any_column_privilege(r.oid, t.oid, 'INSERT, UPDATE, REFERENCES'))
         LIMIT 5) AS tables,
  ARRAY (SELECT DISTINCT t.name FROM relations t, roles r
         WHERE t.relkind = 'S' AND (t.relowner = r.oid
           OR pg_catalog.has_sequence_privilege(r.oid, t.oid, 'USAGE, UPDATE')) LIMIT 5) AS sequences,
  ARRAY (SELECT DISTINCT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_namespace n, roles r
         WHERE n.nspname !~ '^pg_(toast_)?temp_'
           AND (n.nspowner = r.oid OR pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE')) LIMIT 5) AS schemas,
  EXISTS (SELECT FROM roles r
          WHERE pg_catalog.has_database_privilege(r.oid, pg_catalog.current_database(), 'CREATE')) AS creates_schemas,
  pg_catalog.current_setting('server_version_num')::int < 160000 AND EXISTS (
    SELECT FROM roles r, pg_catalog.unnest($2::text[]) AS f
    WHERE pg_catalog.has_function_privilege(r.oid, ('pg_catalog.' || f)::pg_catalog.regprocedure, 'EXECUTE')
  ) AS large_objects,
  pg_catalog.quote_ident(pg_catalog.current_database()) AS database`;

interface Rights {
  readonly attributes: readonly string[];
  readonly memberships: readonly string[];
  readonly tables: readonly string[];
  readonly sequences: readonly string[];
  readonly schemas: readonly string[];
  readonly creates_schemas: boolean;
  readonly large_objects: boolean;
  readonly database: string;
}

/**
 * Refuses a role that can do more than read. The transaction is read-only as well; this is for what a transaction does
 * not bound (files, programs, other sessions) and for the day on which it has a hole.
 *
 * @throws DatabaseRoleNotReadOnlyError with the statements that make a role that is right
 */
export async function requireReadOnlyRole(client: ClientBase, name: string): Promise<void> {
  const { rows } = await client.query<Rights>(RIGHTS, [POWERFUL_ROLES, LARGE_OBJECT_WRITERS]);
  const [rights] = rows;
  if (rights === undefined) throw new Error("a query for one row gave none");
  const problems = [
    ...list("it is or can become superuser or maker of roles and databases", rights.attributes),
    ...list("it is a member of", rights.memberships),
    ...list("it can change", rights.tables),
    ...list("it can use or change the sequences", rights.sequences),
    ...list("it can create in the schemas", rights.schemas),
    ...(rights.creates_schemas ? [`it can create schemas in ${rights.database}`] : []),
    ...(rights.large_objects ? ["it can write large objects"] : []),
  ];
  if (problems.length > 0) throw new DatabaseRoleNotReadOnlyError(name, problems, statementsFor(rights));
}

const list = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`${what} (${names.join(", ")})`];

function statementsFor({ database, large_objects: largeObjects, schemas }: Rights): string[] {
  const writers = LARGE_OBJECT_WRITERS.map((signature) => `pg_catalog.${signature}`).join(", ");
  return [
    "CREATE ROLE automatos_reader LOGIN PASSWORD '...' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;",
    `GRANT CONNECT ON DATABASE ${database} TO automatos_reader;`,
    "GRANT USAGE ON SCHEMA public TO automatos_reader;",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO automatos_reader;",
    ...(schemas.includes("public") ? ["REVOKE CREATE ON SCHEMA public FROM PUBLIC;"] : []),
    ...(largeObjects ? [`REVOKE EXECUTE ON FUNCTION ${writers} FROM PUBLIC;`] : []),
  ];
}
