import type { CredentialKeyUse, CredentialRotation } from "../../../contracts/credential.ts";
import { PlatformError } from "../../../contracts/errors.ts";
import { withTransaction, type Pool, type Queryable } from "../../runtime/database.ts";
import { openRow, SEALED_COLUMNS, type SealedRow } from "./credential-reader.ts";
import type { CredentialKeyRing } from "./key-ring.ts";

const BATCH = 100;

/** How many credentials each key decrypts, those of the ring that decrypt none included. */
export async function listKeyUse(database: Queryable, keys: CredentialKeyRing): Promise<CredentialKeyUse[]> {
  const { rows } = await database.query<{ key_id: string; count: number }>(
    "SELECT key_id, count(*)::int AS count FROM credentials GROUP BY key_id ORDER BY key_id",
  );
  const counts = new Map(rows.map(({ key_id, count }) => [key_id, count]));
  const ids = [...new Set([...keys.keyIds, ...counts.keys()])];
  return ids.map((keyId) => ({
    keyId,
    credentials: counts.get(keyId) ?? 0,
    state: keyId === keys.currentKeyId ? "current" : keys.keyIds.includes(keyId) ? "old" : "missing",
  }));
}

/**
 * Encrypts with the current key what another one has encrypted, some at a time: it may be stopped at any moment and
 * called again, and others may set credentials meanwhile. What cannot be opened is left as it is and counted.
 */
export async function rotateCredentialKeys(
  deps: { readonly pool: Pool; readonly keys: CredentialKeyRing },
  options: { readonly batch?: number } = {},
): Promise<CredentialRotation> {
  let rotated = 0;
  let after: readonly [string, string] | null = null;
  for (;;) {
    const done = await rotateBatch(deps, after, options.batch ?? BATCH);
    rotated += done.rotated;
    if (done.last === null) break;
    after = done.last;
  }
  const keys = await listKeyUse(deps.pool, deps.keys);
  const remaining = keys.reduce((sum, { state, credentials }) => (state === "current" ? sum : sum + credentials), 0);
  return { rotated, remaining, keys };
}

async function rotateBatch(
  { pool, keys }: { readonly pool: Pool; readonly keys: CredentialKeyRing },
  after: readonly [string, string] | null,
  batch: number,
): Promise<{ rotated: number; last: readonly [string, string] | null }> {
  return withTransaction(pool, async (client) => {
    const { rows } = await client.query<SealedRow>(
      `SELECT ${SEALED_COLUMNS} FROM credentials
       WHERE key_id <> $1 AND ($2::uuid IS NULL OR (workspace_id, name) > ($2, $3::text))
       ORDER BY workspace_id, name LIMIT $4 FOR UPDATE`,
      [keys.currentKeyId, after?.[0] ?? null, after?.[1] ?? null, batch],
    );
    let rotated = 0;
    for (const row of rows) {
      const value = openOrSkip(keys, row);
      if (value === undefined) continue;
      const { workspace_id: workspaceId, name, kind, target, version } = row;
      const what = { workspaceId, name, kind, target, version };
      const { keyId, nonce, sealed } = keys.seal(value, what);
      await client.query(
        `UPDATE credentials SET key_id = $3, nonce = $4, sealed = $5, fingerprint = $6
         WHERE workspace_id = $1 AND name = $2`,
        [workspaceId, name, keyId, nonce, sealed, keys.fingerprint(value, what)],
      );
      rotated += 1;
    }
    const last = rows.at(-1);
    return { rotated, last: last === undefined ? null : [last.workspace_id, last.name] };
  });
}

function openOrSkip(keys: CredentialKeyRing, row: SealedRow): string | undefined {
  try {
    return openRow(keys, row);
  } catch (error) {
    if (error instanceof PlatformError) return undefined;
    throw error;
  }
}
