import { createHash, randomBytes } from "node:crypto";
import type { Pool } from "pg";
import type { ApiToken, CreatedToken, TokenCreation } from "../../contracts/http-api.ts";
import { instantOrNull } from "../runtime/instant.ts";
import { ApproverTokenError, TokenNotFoundError } from "./errors.ts";

/** Whose tokens: a workspace's, or (null) the administrators'. */
export type TokenOwner = string | null;

/** Bearer tokens. Only SHA-256 hashes are kept: the tokens are random, so a slow hash would add nothing. */
export interface TokenStore {
  /** The token itself is in the answer, and never to be had again. */
  create(owner: TokenOwner, creation: TokenCreation): Promise<CreatedToken>;
  /** The newest first, revoked and expired ones included. */
  list(owner: TokenOwner): Promise<ApiToken[]>;
  /**
   * Takes effect with the next request. Revoking again changes nothing.
   *
   * @throws TokenNotFoundError when the owner has no such token.
   * @throws ApproverTokenError when the token may approve and `approvers` is false.
   */
  revoke(owner: TokenOwner, tokenId: string, rights: { readonly approvers: boolean }): Promise<ApiToken>;
  /** Of these tokens, those that are neither revoked nor expired. */
  stillGood(tokenIds: readonly string[]): Promise<string[]>;
  /** The token with this SHA-256 hash, if it is neither revoked nor expired. */
  find(hash: Buffer): Promise<ApiToken | undefined>;
}

/** As tokens are kept and looked up. */
export const hashToken = (token: string): Buffer => createHash("sha256").update(token).digest();

const COLUMNS = "id, name, workspace_id, may_approve, created_at, expires_at, revoked_at";
interface Row {
  id: string;
  name: string;
  workspace_id: string | null;
  may_approve: boolean;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
}

export class PostgresTokenStore implements TokenStore {
  readonly #database: Pick<Pool, "query">;

  constructor(deps: { readonly database: Pick<Pool, "query"> }) {
    this.#database = deps.database;
  }

  async create(owner: TokenOwner, creation: TokenCreation): Promise<CreatedToken> {
    const token = `${owner === null ? "ama" : "amw"}_${randomBytes(32).toString("base64url")}`;
    const { rows } = await this.#database.query<Row>(
      `INSERT INTO api_tokens (name, scope, workspace_id, token_hash, expires_at, may_approve)
       VALUES ($1, CASE WHEN $2::uuid IS NULL THEN 'admin' ELSE 'workspace' END, $2, $3, $4, $5) RETURNING ${COLUMNS}`,
      [creation.name, owner, hashToken(token), instantOrNull(creation.expiresAt), creation.mayApprove],
    );
    return { ...toToken(only(rows)), token };
  }

  async list(owner: TokenOwner): Promise<ApiToken[]> {
    const { rows } = await this.#database.query<Row>(
      `SELECT ${COLUMNS} FROM api_tokens WHERE workspace_id IS NOT DISTINCT FROM $1::uuid ORDER BY created_at DESC, id`,
      [owner],
    );
    return rows.map(toToken);
  }

  async revoke(owner: TokenOwner, tokenId: string, rights: { readonly approvers: boolean }): Promise<ApiToken> {
    const { rows } = await this.#database.query<Row>(
      `UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now())
       WHERE id = $1 AND workspace_id IS NOT DISTINCT FROM $2::uuid AND ($3 OR NOT may_approve) RETURNING ${COLUMNS}`,
      [tokenId, owner, rights.approvers],
    );
    if (rows[0] !== undefined) return toToken(rows[0]);
    const { rows: kept } = await this.#database.query(
      "SELECT FROM api_tokens WHERE id = $1 AND workspace_id IS NOT DISTINCT FROM $2::uuid",
      [tokenId, owner],
    );
    throw kept.length > 0 ? new ApproverTokenError(tokenId) : new TokenNotFoundError(tokenId);
  }

  async stillGood(tokenIds: readonly string[]): Promise<string[]> {
    const { rows } = await this.#database.query<{ id: string }>(
      `SELECT id FROM api_tokens
       WHERE id = ANY ($1::uuid[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
      [tokenIds],
    );
    return rows.map(({ id }) => id);
  }

  async find(hash: Buffer): Promise<ApiToken | undefined> {
    const { rows } = await this.#database.query<Row>(
      `SELECT ${COLUMNS} FROM api_tokens
       WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
      [hash],
    );
    return rows[0] === undefined ? undefined : toToken(rows[0]);
  }
}

function only(rows: Row[]): Row {
  const [row] = rows;
  if (row === undefined) throw new Error("an INSERT … RETURNING gave no row");
  return row;
}

const toToken = (row: Row): ApiToken => ({
  tokenId: row.id,
  name: row.name,
  workspaceId: row.workspace_id,
  mayApprove: row.workspace_id === null || row.may_approve,
  createdAt: row.created_at.toISOString(),
  expiresAt: row.expires_at?.toISOString() ?? null,
  revokedAt: row.revoked_at?.toISOString() ?? null,
});
