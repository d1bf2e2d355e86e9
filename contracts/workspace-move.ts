import { z } from "zod";
import { PlanTier } from "./plan.ts";
import { ToolPolicy } from "./tools.ts";
import { EgressRule } from "./workspace.ts";

/** Where a workspace stands: it has one home at a time, and only there it is `open`. */
export const WorkspaceState = z.enum(["open", "leaving", "arriving", "moved"]);
export type WorkspaceState = z.infer<typeof WorkspaceState>;

const moveId = z.uuid().describe("Names the move on both sides.");
const peer = z.url({ protocol: /^https?$/ }).max(2_000);

/** Begins to leave: nothing is submitted any more, what is under way ends. */
export const MoveDeparture = z.strictObject({ moveId, to: peer.describe("The API of the new home.") });

/** What a workspace is, beside its rows and files. */
export const MovingWorkspace = z.strictObject({
  name: z.string().min(1).max(200),
  plan: PlanTier,
  egressRules: z.array(EgressRule).max(1_000),
  toolPolicy: ToolPolicy,
  createdAt: z.iso.datetime({ offset: true }),
});
export type MovingWorkspace = z.infer<typeof MovingWorkspace>;

/** Begins to arrive. */
export const MoveArrival = z.strictObject({
  moveId,
  from: peer.describe("The API of the home that it leaves."),
  schema: z.string().min(1).max(200).describe("`schema` of the other side's state: both must have the same."),
  workspace: MovingWorkspace,
});

export const MoveStep = z.strictObject({ moveId });

/** Rows of one table, by which both sides know that they have the same. */
export const TableSum = z.strictObject({
  table: z.string(),
  rows: z.int().min(0),
  checksum: z.string().describe("Over all rows, whatever their order."),
});
export type TableSum = z.infer<typeof TableSum>;

/** A workspace's move as one side sees it. */
export const MoveState = z.strictObject({
  workspaceId: z.uuid(),
  state: WorkspaceState,
  moveId: z.uuid().nullable().describe("Of the move that is under way or was the last."),
  peer: z.string().nullable().describe("The API of the other side."),
  schema: z.string().describe("The newest migration of this installation's record."),
  runningTasks: z.int().min(0),
  queuedTasks: z.int().min(0).describe("Those that wait for a person's answer or for their time as well."),
  runningExecutions: z.int().min(0).describe("Of workflows."),
  runningBackups: z.int().min(0).describe("Backups, restores and checks that run or wait."),
  done: z.boolean().describe("Of one that has moved: it is open there, and can only come back from there."),
  credentials: z.array(z.string()).describe("Names of credentials: they stay, and are set anew at the new home."),
});
export type MoveState = z.infer<typeof MoveState>;

export const MoveSums = z.strictObject({ tables: z.array(TableSum) });

/** One line of a workspace's record on its way: `application/x-ndjson`. The last one is an `end`. */
export const RecordLine = z.union([
  z.strictObject({ table: z.string().min(1).max(63), row: z.record(z.string(), z.unknown()) }),
  z.strictObject({ end: z.strictObject({ rows: z.int().min(0) }) }),
]);
export type RecordLine = z.infer<typeof RecordLine>;

/** What became of a move that was given up. */
export const MoveDiscarded = z.strictObject({
  had: z.boolean().describe("Whether something had arrived by this move, now or when it was given up before."),
});

/** What a side has taken of the record. */
export const MoveLoaded = z.strictObject({ rows: z.int().min(0) });
