import type { JsonValue } from "../../../contracts/json.ts";
import { findReferences, type Reference, substitute, valueAt } from "../../../contracts/workflow-reference.ts";
import type { Queryable } from "../../runtime/database.ts";
import type { Allowance } from "./allowance.ts";
import { StepNotResolvableError } from "./errors.ts";
import type { StepRow } from "./execution-record.ts";

/** The most that one reference may stand for, as JSON, and what is handed on of a step's result in the context. */
const MAX_VALUE_BYTES = 262_144;

/** What references of an execution are resolved with. */
export interface KnownValues {
  readonly executionId: string;
  /** Tasks of another do not exist. */
  readonly workspaceId: string;
  readonly input: JsonValue;
  readonly steps: ReadonlyMap<string, Pick<StepRow, "stepId" | "status" | "taskId" | "error" | "skipReason">>;
}

/** As JSON in UTF-8. */
interface Measured {
  readonly bytes: number;
  readonly value: unknown;
}

/** `error` of the row of a task, as the record has it. */
const FIELD_SQL = { result: "t.result", steps: "t.steps", error: "task_error(t)" } as const;

/**
 * The value with every reference replaced. What a step has answered is looked up in the record where it stands, so that
 * a small part of a large result costs no more than itself.
 *
 * @throws StepNotResolvableError where a reference stands for nothing, or for too much.
 */
export async function resolve(
  database: Queryable,
  template: unknown,
  known: KnownValues,
  allowance: Allowance,
): Promise<unknown> {
  const values = new Map<string, Measured>();
  for (const { text, reference } of findReferences(template)) {
    if (reference === undefined) continue;
    const found = values.get(text) ?? (await lookUp(database, text, reference, known));
    values.set(text, found);
    allowance.take(found.bytes);
  }
  return substitute(template, (_reference, text) => values.get(text)?.value);
}

async function lookUp(database: Queryable, text: string, reference: Reference, known: KnownValues): Promise<Measured> {
  if (reference.root === "execution") return measured(known.executionId);
  if (reference.root === "input") {
    const value = valueAt(known.input, reference.path);
    if (value === undefined) throw unresolved(text, "the input has nothing there");
    return measured(value);
  }
  const step = known.steps.get(reference.step);
  if (step === undefined) throw unresolved(text, "there is no such step");
  const { field, path } = reference;
  if (field === "status" || field === "taskId") {
    if (path.length > 0) throw unresolved(text, `${field} is a text`);
    return measured(field === "status" ? step.status : step.taskId);
  }
  if (step.taskId === null) {
    const value = field === "error" ? valueAt(step.error, path) : undefined;
    if (value === undefined) throw unresolved(text, `step ${step.stepId} was ${step.status} and has no task`);
    return measured(value);
  }
  const found = await readValue(database, known, step.taskId, FIELD_SQL[field], path);
  if (found === undefined) throw unresolved(text, `step ${step.stepId} is ${step.status} and has nothing there`);
  if (found.value === undefined) throw tooLarge(text, found.bytes);
  return found;
}

const measured = (value: unknown): Measured => ({ bytes: Buffer.byteLength(JSON.stringify(value)), value });

/** What stands at a path of a task's row; without `value` where it is too much. Undefined when nothing does. */
async function readValue(
  database: Queryable,
  { workspaceId }: Pick<KnownValues, "workspaceId">,
  taskId: string,
  expression: string,
  path: readonly string[],
): Promise<Measured | undefined> {
  const { rows } = await database.query<{ bytes: number | null; value: unknown }>(
    `SELECT bytes, CASE WHEN bytes <= $3 THEN value END AS value FROM (
       SELECT value, octet_length(value::text) AS bytes
       FROM (SELECT ${expression} #> $2::text[] AS value FROM task_executions t
             WHERE t.id = $1 AND t.workspace_id = $4) found
     ) measured`,
    [taskId, path, MAX_VALUE_BYTES, workspaceId],
  );
  const row = rows[0];
  // A path that leads nowhere is SQL's NULL; JSON's null has four bytes. A task without a result has SQL's NULL, too.
  if (row === undefined) return undefined;
  if (row.bytes === null) return path.length === 0 ? { bytes: 4, value: null } : undefined;
  return { bytes: row.bytes, value: row.bytes <= MAX_VALUE_BYTES ? row.value : undefined };
}

/** How a step ended, as the context of one that depends on it holds it. */
export async function outcomeOf(
  database: Queryable,
  known: Pick<KnownValues, "workspaceId">,
  step: Pick<StepRow, "status" | "taskId" | "error" | "skipReason">,
  allowance: Allowance,
): Promise<Record<string, unknown>> {
  const { status, taskId } = step;
  if (taskId === null) return { status, taskId, result: null, error: step.error };
  const [result, error] = await Promise.all([
    readValue(database, known, taskId, FIELD_SQL.result, []),
    readValue(database, known, taskId, FIELD_SQL.error, []),
  ]);
  for (const found of [result, error]) if (found?.value !== undefined) allowance.take(found.bytes);
  const outcome = { status, taskId, result: result?.value ?? null, error: error?.value ?? null };
  if (result === undefined || result.value !== undefined) return outcome;
  return { ...outcome, resultBytes: result.bytes, resultLeftOut: "too large; read_task_result reads it" };
}

const unresolved = (text: string, why: string): StepNotResolvableError =>
  new StepNotResolvableError(
    "UNRESOLVED",
    `${text} stands for nothing: ${why}`,
    "Look at what the earlier step answered, and mend the reference or give the step a condition.",
  );

const tooLarge = (text: string, bytes: number): StepNotResolvableError =>
  new StepNotResolvableError(
    "VALUE_TOO_LARGE",
    `${text} stands for ${bytes} bytes of JSON, at most ${MAX_VALUE_BYTES} are handed on`,
    "Have the earlier step write it to a file of the workspace and answer its path.",
  );
