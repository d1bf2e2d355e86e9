import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { PlatformError, WorkspaceNotFoundError } from "../../contracts/errors.ts";
import { PlanTier } from "../../contracts/plan.ts";
import { ToolPolicy } from "../../contracts/tools.ts";
import { type EgressRule, Workspace } from "../../contracts/workspace.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../runtime/cursor.ts";
import type { Queryable } from "../runtime/database.ts";

/** A workspace as its owner asks for it. */
export interface NewWorkspace {
  /** @default a new one */
  readonly workspaceId?: string;
  readonly name: string;
  /** @default "starter" */
  readonly plan?: PlanTier;
  /** Beside the stack's defaults. @default none */
  readonly egressRules?: readonly EgressRule[];
  /** @default every level allowed, as in contracts/tools.ts */
  readonly toolPolicy?: ToolPolicy;
}

export interface WorkspacePage {
  readonly workspaces: Workspace[];
  /** Where the next page begins; null on the last one. */
  readonly nextCursor: string | null;
}

export class WorkspaceConflictError extends PlatformError {
  constructor(workspaceId: string) {
    super("WORKSPACE_CONFLICT", `workspace ${workspaceId} exists with other contents`, {
      remedy: "Choose another id, or change the existing workspace.",
      status: 409,
    });
  }
}

interface WorkspaceRow {
  readonly id: string;
  readonly name: string;
  readonly plan: PlanTier;
  readonly egress_rules: string[];
  readonly tool_policy: ToolPolicy;
  readonly created_at: Date;
}

const COLUMNS = "id, name, plan, egress_rules, tool_policy, created_at";

/** The workspaces in the record. Their files are the matter of the worker. */
export class WorkspaceStore {
  readonly #database: Queryable;

  constructor(deps: { readonly pool: Queryable }) {
    this.#database = deps.pool;
  }

  /**
   * Creates a workspace. The same id with the same contents again is a no-op that resolves to the present one.
   *
   * @throws WorkspaceConflictError when the id is taken by another one.
   */
  async create(input: NewWorkspace): Promise<Workspace> {
    const wanted = Workspace.omit({ createdAt: true }).parse({
      workspaceId: input.workspaceId ?? randomUUID(),
      name: input.name,
      plan: input.plan ?? "starter",
      egressRules: input.egressRules ?? [],
      toolPolicy: input.toolPolicy ?? ToolPolicy.parse({}),
    });
    await this.#database.query(
      `INSERT INTO workspaces (id, name, plan, egress_rules, tool_policy) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO NOTHING`,
      [wanted.workspaceId, wanted.name, wanted.plan, wanted.egressRules, JSON.stringify(wanted.toolPolicy)],
    );
    const { createdAt, ...stored } = await this.get(wanted.workspaceId);
    if (!isDeepStrictEqual(stored, wanted)) throw new WorkspaceConflictError(wanted.workspaceId);
    return { ...stored, createdAt };
  }

  /** @throws WorkspaceNotFoundError */
  async get(workspaceId: string): Promise<Workspace> {
    return this.#one(workspaceId, `SELECT ${COLUMNS} FROM workspaces WHERE id = $1`);
  }

  /**
   * The user and group id of the workspace's files and processes on a worker that runs as root.
   *
   * @throws WorkspaceNotFoundError
   */
  async uid(workspaceId: string): Promise<number> {
    const { rows } = await this.#database.query<{ uid: number }>("SELECT uid FROM workspaces WHERE id = $1", [
      workspaceId,
    ]);
    const row = rows[0];
    if (row === undefined) throw new WorkspaceNotFoundError(workspaceId);
    return row.uid;
  }

  /** From the oldest to the newest. @throws InvalidCursorError */
  async list(options: { readonly limit: number; readonly cursor?: string }): Promise<WorkspacePage> {
    const after = options.cursor === undefined ? undefined : parseCursor(options.cursor);
    const { rows } = await this.#database.query<WorkspaceRow & { micros: string }>(
      `SELECT ${COLUMNS}, ${microsOf("created_at")} AS micros FROM workspaces
       WHERE $2::uuid IS NULL OR (created_at, id) > (${timeOf(1)}, $2::uuid)
       ORDER BY created_at, id LIMIT $3`,
      [after?.micros ?? null, after?.id ?? null, options.limit + 1],
    );
    const page = toPage(rows, options.limit);
    return { workspaces: page.rows.map(toWorkspace), nextCursor: page.nextCursor };
  }

  /** @throws WorkspaceNotFoundError */
  async updatePlan(workspaceId: string, plan: PlanTier): Promise<Workspace> {
    return this.#update(workspaceId, "plan", PlanTier.parse(plan));
  }

  /** Replaces the workspace's own rules. @throws WorkspaceNotFoundError */
  async updateEgressRules(workspaceId: string, rules: readonly EgressRule[]): Promise<Workspace> {
    return this.#update(workspaceId, "egress_rules", Workspace.shape.egressRules.parse(rules));
  }

  /** @throws WorkspaceNotFoundError */
  async updateToolPolicy(workspaceId: string, policy: ToolPolicy): Promise<Workspace> {
    return this.#update(workspaceId, "tool_policy", JSON.stringify(ToolPolicy.parse(policy)));
  }

  async #update(workspaceId: string, column: "plan" | "egress_rules" | "tool_policy", value: unknown) {
    const statement = `UPDATE workspaces SET ${column} = $2, updated_at = now() WHERE id = $1 RETURNING ${COLUMNS}`;
    return this.#one(workspaceId, statement, value);
  }

  async #one(workspaceId: string, statement: string, ...values: unknown[]): Promise<Workspace> {
    const { rows } = await this.#database.query<WorkspaceRow>(statement, [workspaceId, ...values]);
    const row = rows[0];
    if (row === undefined) throw new WorkspaceNotFoundError(workspaceId);
    return toWorkspace(row);
  }
}

function toWorkspace(row: WorkspaceRow): Workspace {
  return {
    workspaceId: row.id,
    name: row.name,
    plan: row.plan,
    egressRules: row.egress_rules,
    toolPolicy: row.tool_policy,
    createdAt: row.created_at.toISOString(),
  };
}
