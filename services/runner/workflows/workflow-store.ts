import type { Workflow, WorkflowDetails } from "../../../contracts/workflow.ts";
import type { WorkflowRecipe } from "../../../contracts/workflow-recipe.ts";
import { withTransaction, type Pool, type Queryable } from "../../runtime/database.ts";
import { sortedJson } from "../../runtime/sorted-json.ts";
import { findUnstorable } from "../../runtime/storable-text.ts";
import { lockOpenWorkspace } from "../lock-open-workspace.ts";
import { TooManyWorkflowsError, WorkflowNotFoundError, WorkflowNotStorableError } from "./errors.ts";

/** Names of one workspace, removed ones included. */
const MAX_WORKFLOWS = 1_000;
/** Versions that are kept of each; executions have the recipe that they run for themselves. */
const KEPT_VERSIONS = 100;

const COLUMNS = `
  w.id AS "workflowId", w.workspace_id AS "workspaceId", v.version, v.recipe ->> 'description' AS description,
  jsonb_array_length(v.recipe -> 'steps') AS "stepCount", iso_time(v.created_at) AS "createdAt"`;
const FROM = `workflows w JOIN workflow_versions v ON v.workspace_id = w.workspace_id AND v.workflow_id = w.id`;

/** The stored recipes of workspaces. */
export class WorkflowStore {
  readonly #pool: Pool;

  constructor(deps: { readonly pool: Pool }) {
    this.#pool = deps.pool;
  }

  /**
   * Stores a recipe as the newest version of a name; the same as the newest again is no new version.
   *
   * @throws WorkspaceNotFoundError, WorkspaceNotOpenError, TooManyWorkflowsError, WorkflowNotStorableError
   */
  async put(workspaceId: string, workflowId: string, recipe: WorkflowRecipe): Promise<WorkflowDetails> {
    checkStorable(recipe);
    return withTransaction(this.#pool, async (client) => {
      // One at a time in a workspace: numbers have no gap, and the count of names is exact.
      await lockOpenWorkspace(client, workspaceId);
      const newest = await find(client, workspaceId, workflowId);
      if (newest !== undefined && isSame(newest.recipe, recipe)) return newest;
      if (newest === undefined) await requireRoom(client, workspaceId, workflowId);
      const { rows } = await client.query<{ version: number }>(
        `INSERT INTO workflows (workspace_id, id, version) VALUES ($1, $2, 1)
         ON CONFLICT (workspace_id, id) DO UPDATE SET version = workflows.version + 1, removed_at = NULL
         RETURNING version`,
        [workspaceId, workflowId],
      );
      await client.query(
        "INSERT INTO workflow_versions (workspace_id, workflow_id, version, recipe) VALUES ($1, $2, $3, $4)",
        [workspaceId, workflowId, rows[0]?.version, JSON.stringify(recipe)],
      );
      await client.query(
        "DELETE FROM workflow_versions WHERE workspace_id = $1 AND workflow_id = $2 AND version <= $3::int - $4::int",
        [workspaceId, workflowId, rows[0]?.version, KEPT_VERSIONS],
      );
      return require(await find(client, workspaceId, workflowId), workflowId);
    });
  }

  /** All of a workspace, by name, each in its newest version. */
  async list(workspaceId: string): Promise<Workflow[]> {
    const { rows } = await this.#pool.query<Workflow>(
      `SELECT ${COLUMNS} FROM ${FROM} AND v.version = w.version
       WHERE w.workspace_id = $1 AND w.removed_at IS NULL ORDER BY w.id`,
      [workspaceId],
    );
    return rows;
  }

  /** @throws WorkflowNotFoundError */
  async get(workspaceId: string, workflowId: string, version?: number): Promise<WorkflowDetails> {
    return require(await find(this.#pool, workspaceId, workflowId, version), workflowId, version);
  }

  /** Its executions go on. @throws WorkspaceNotFoundError, WorkspaceNotOpenError, WorkflowNotFoundError */
  async remove(workspaceId: string, workflowId: string): Promise<void> {
    await withTransaction(this.#pool, async (client) => {
      await lockOpenWorkspace(client, workspaceId);
      const { rowCount } = await client.query(
        "UPDATE workflows SET removed_at = now() WHERE workspace_id = $1 AND id = $2 AND removed_at IS NULL",
        [workspaceId, workflowId],
      );
      if (rowCount === 0) throw new WorkflowNotFoundError(workflowId);
    });
  }
}

function require(found: WorkflowDetails | undefined, workflowId: string, version?: number): WorkflowDetails {
  if (found === undefined) throw new WorkflowNotFoundError(workflowId, version);
  return found;
}

async function find(
  database: Queryable,
  workspaceId: string,
  workflowId: string,
  version?: number,
): Promise<WorkflowDetails | undefined> {
  const { rows } = await database.query<WorkflowDetails>(
    `SELECT ${COLUMNS}, v.recipe FROM ${FROM} AND v.version = coalesce($3, w.version)
     WHERE w.workspace_id = $1 AND w.id = $2 AND w.removed_at IS NULL`,
    [workspaceId, workflowId, version ?? null],
  );
  return rows[0];
}

async function requireRoom(database: Queryable, workspaceId: string, workflowId: string): Promise<void> {
  const { rows } = await database.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM workflows WHERE workspace_id = $1 AND id <> $2",
    [workspaceId, workflowId],
  );
  if ((rows[0]?.count ?? 0) >= MAX_WORKFLOWS) throw new TooManyWorkflowsError(workspaceId, MAX_WORKFLOWS);
}

const isSame = (one: unknown, other: unknown): boolean =>
  JSON.stringify(sortedJson(one)) === JSON.stringify(sortedJson(other));

/** @throws WorkflowNotStorableError */
export function checkStorable(value: unknown): void {
  const path = findUnstorable(value);
  if (path !== undefined) throw new WorkflowNotStorableError(path.join("."));
}
