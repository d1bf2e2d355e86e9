import { createHash } from "node:crypto";
import type { PlanLimits, PlanTier } from "../../../contracts/plan.ts";
import type {
  WorkflowExecutionDetails,
  WorkflowExecutionList,
  WorkflowExecutionQuery,
} from "../../../contracts/workflow.ts";
import { MAX_INPUT_BYTES } from "../../../contracts/workflow.ts";
import { WorkflowRecipe } from "../../../contracts/workflow-recipe.ts";
import { microsOf, parseCursor, timeOf, toPage } from "../../runtime/cursor.ts";
import { withTransaction, type Pool, type Queryable } from "../../runtime/database.ts";
import { sortedJson } from "../../runtime/sorted-json.ts";
import { begin, type Beginning, type ExecutionRequest } from "./begin-execution.ts";
import { keptSteps } from "./decide.ts";
import {
  ExecutionConflictError,
  ExecutionNotFoundError,
  ExecutionNotRetryableError,
  WorkflowInputTooLargeError,
  WorkflowSourceError,
} from "./errors.ts";
import { appendEvents, EXECUTION_DETAILS_JSON, EXECUTION_JSON, lockExecution, readSteps } from "./execution-record.ts";
import { checkStorable, WorkflowStore } from "./workflow-store.ts";

export interface ExecutionStoreDeps {
  readonly pool: Pool;
  readonly planLimits: Readonly<Record<PlanTier, PlanLimits>>;
  /** Told of what should be moved on at once; what it is not told of is found by the clock. */
  readonly kick: (execution: { readonly executionId: string; readonly workspaceId: string }) => void;
}

/** Executions in the record. With `scope`, those of other workspaces do not exist. */
export class ExecutionStore {
  readonly #deps: ExecutionStoreDeps;
  readonly #workflows: WorkflowStore;

  constructor(deps: ExecutionStoreDeps) {
    this.#deps = deps;
    this.#workflows = new WorkflowStore(deps);
  }

  /**
   * When this resolves, the execution goes on whatever becomes of this process. The same request again is the same
   * execution, also when the stored recipe has changed since.
   *
   * @throws WorkflowNotFoundError, ExecutionConflictError, WorkflowSourceError, WorkflowInputTooLargeError
   * @throws WorkspaceNotFoundError, WorkspaceNotOpenError, TooManyExecutionsError, SubmissionRateExceededError, WorkflowNotStorableError
   */
  async start(request: ExecutionRequest): Promise<WorkflowExecutionDetails> {
    const { executionId, workspaceId, workflowId, input } = request;
    if (request.recipe !== undefined && request.version !== undefined) throw new WorkflowSourceError();
    checkStorable({ recipe: request.recipe, input });
    const bytes = Buffer.byteLength(JSON.stringify(input));
    if (bytes > MAX_INPUT_BYTES) throw new WorkflowInputTooLargeError(bytes, MAX_INPUT_BYTES);
    const fingerprint = fingerprintOf({ ...request, executionId: undefined });
    const known = await this.#findSame(executionId, fingerprint);
    if (known !== undefined) return known;
    const stored =
      request.recipe === undefined ? await this.#workflows.get(workspaceId, workflowId, request.version) : undefined;
    return this.#begin({
      ...{ executionId, workspaceId, workflowId, input, fingerprint, retryOf: null, kept: [] },
      version: stored?.version ?? null,
      recipe: request.recipe ?? WorkflowRecipe.parse(stored?.recipe),
      correlationId: request.correlationId ?? `workflow:${executionId}`,
    });
  }

  /**
   * Begins anew under a new id what failed, was cancelled or timed out, and keeps what completed. The same again is the
   * same retry.
   *
   * @throws ExecutionNotFoundError, ExecutionNotRetryableError, ExecutionConflictError
   * @throws TooManyExecutionsError, SubmissionRateExceededError
   */
  async retry(executionId: string, newExecutionId: string, scope?: string): Promise<WorkflowExecutionDetails> {
    const { pool } = this.#deps;
    const { status } = await this.get(executionId, scope);
    if (status === "running" || status === "completed") throw new ExecutionNotRetryableError(executionId, status);
    const fingerprint = fingerprintOf({ retryOf: executionId });
    const known = await this.#findSame(newExecutionId, fingerprint);
    if (known !== undefined) return known;
    const { rows } = await pool.query<Omit<Beginning, "fingerprint" | "kept" | "retryOf" | "executionId">>(
      `SELECT workspace_id AS "workspaceId", workflow_id AS "workflowId", version, recipe, input,
         correlation_id AS "correlationId" FROM workflow_executions WHERE id = $1`,
      [executionId],
    );
    const first = rows[0];
    if (first === undefined) throw new ExecutionNotFoundError(executionId);
    const steps = await readSteps(pool, executionId);
    const kept = keptSteps(first.recipe, new Map(steps.map((step) => [step.stepId, step])));
    const isDefault = first.correlationId === `workflow:${executionId}`;
    return this.#begin({
      ...{ ...first, executionId: newExecutionId, fingerprint, retryOf: executionId },
      correlationId: isDefault ? `workflow:${newExecutionId}` : first.correlationId,
      kept: steps.filter(({ stepId }) => kept.has(stepId)),
    });
  }

  /** @throws ExecutionNotFoundError */
  async get(executionId: string, scope?: string): Promise<WorkflowExecutionDetails> {
    const found = await readDetails(this.#deps.pool, executionId, scope);
    if (found === undefined) throw new ExecutionNotFoundError(executionId);
    return found;
  }

  /** The newest first. @throws InvalidCursorError */
  async list(
    query: Omit<WorkflowExecutionQuery, "workspaceId"> & { readonly workspaceId: string | undefined },
  ): Promise<WorkflowExecutionList> {
    const before = query.cursor === undefined ? undefined : parseCursor(query.cursor);
    const { rows } = await this.#deps.pool.query<{ id: string; micros: string; item: never }>(
      `SELECT e.id, ${microsOf("e.created_at")} AS micros, ${EXECUTION_JSON} AS item FROM workflow_executions e
       WHERE ($1::uuid IS NULL OR e.workspace_id = $1) AND ($2::text IS NULL OR e.workflow_id = $2)
         AND ($3::text[] IS NULL OR e.status = ANY ($3)) AND ($4::text IS NULL OR e.correlation_id = $4)
         AND ($6::uuid IS NULL OR (e.created_at, e.id) < (${timeOf(5)}, $6))
       ORDER BY e.created_at DESC, e.id DESC LIMIT $7`,
      [
        query.workspaceId ?? null,
        query.workflowId ?? null,
        query.status ?? null,
        query.correlationId ?? null,
        before?.micros ?? null,
        before?.id ?? null,
        query.limit + 1,
      ],
    );
    const page = toPage(rows, query.limit);
    return { items: page.rows.map(({ item }) => item), nextCursor: page.nextCursor };
  }

  /**
   * Has everything of it stop: what runs is killed within 2 s, nothing more is submitted. Resolves to false when it had
   * ended. @throws ExecutionNotFoundError
   */
  async cancel(executionId: string, scope?: string): Promise<boolean> {
    const { workspaceId } = await this.get(executionId, scope);
    const accepted = await withTransaction(this.#deps.pool, async (client) => {
      const execution = await lockExecution(client, executionId);
      if (execution?.status !== "running") return false;
      if (execution.cancelRequested) return true;
      await client.query("UPDATE workflow_executions SET cancel_requested_at = now(), due_at = now() WHERE id = $1", [
        executionId,
      ]);
      await appendEvents(client, executionId, [{ type: "workflow_cancel_requested" }]);
      return true;
    });
    if (accepted) this.#deps.kick({ executionId, workspaceId });
    return accepted;
  }

  async #findSame(executionId: string, fingerprint: Buffer): Promise<WorkflowExecutionDetails | undefined> {
    const { rows } = await this.#deps.pool.query<{ fingerprint: Buffer }>(
      "SELECT fingerprint FROM workflow_executions WHERE id = $1",
      [executionId],
    );
    const row = rows[0];
    if (row === undefined) return undefined;
    if (!row.fingerprint.equals(fingerprint)) throw new ExecutionConflictError(executionId);
    return this.get(executionId);
  }

  async #begin(beginning: Beginning): Promise<WorkflowExecutionDetails> {
    const { executionId, workspaceId, fingerprint } = beginning;
    const isNew = await withTransaction(this.#deps.pool, (client) => begin(client, beginning, this.#deps.planLimits));
    if (isNew) this.#deps.kick({ executionId, workspaceId });
    const found = await this.#findSame(executionId, fingerprint); // another may have been a moment earlier
    if (found === undefined) throw new ExecutionNotFoundError(executionId);
    return found;
  }
}

/** Order of keys does not matter. */
const fingerprintOf = (asked: unknown): Buffer =>
  createHash("sha256")
    .update(JSON.stringify(sortedJson(asked)))
    .digest();

async function readDetails(
  database: Queryable,
  executionId: string,
  scope: string | undefined,
): Promise<WorkflowExecutionDetails | undefined> {
  const { rows } = await database.query<{ details: WorkflowExecutionDetails }>(
    `SELECT ${EXECUTION_DETAILS_JSON} AS details FROM workflow_executions e
     WHERE e.id = $1 AND ($2::uuid IS NULL OR e.workspace_id = $2)`,
    [executionId, scope ?? null],
  );
  return rows[0]?.details;
}
