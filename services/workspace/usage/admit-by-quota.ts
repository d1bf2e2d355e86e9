import { WorkspaceQuotaExceededError } from "../../../contracts/errors.ts";
import type { TaskEventBody } from "../../../contracts/task-event.ts";
import type { UsageMeter } from "./usage-meter.ts";

/** The share of the quota from which on a task is warned. */
const WARNING_SHARE = 0.8;

/**
 * Refuses a task of a workspace that is full. What is known may be old: before a refusal it is measured again, as
 * somebody may have made room.
 *
 * @returns A warning to tell the task's owner, when little room is left.
 * @throws WorkspaceQuotaExceededError
 */
export async function admitByQuota(
  meter: Pick<UsageMeter, "read" | "measure">,
  workspaceId: string,
  quotaBytes: number,
): Promise<TaskEventBody | undefined> {
  let { usedBytes } = await meter.read(workspaceId);
  // Twice: the first may share a measurement that began before room was made.
  for (let left = 2; left > 0 && usedBytes >= quotaBytes; left--) ({ usedBytes } = await meter.measure(workspaceId));
  if (usedBytes >= quotaBytes) throw new WorkspaceQuotaExceededError(workspaceId, usedBytes, quotaBytes);
  return isNearlyUsed(usedBytes, quotaBytes) ? nearlyUsedWarning(workspaceId, usedBytes, quotaBytes) : undefined;
}

/** Whether little room is left: 80 % of the quota are used. */
export const isNearlyUsed = (usedBytes: number, quotaBytes: number): boolean => usedBytes >= quotaBytes * WARNING_SHARE;

/** Tells a task's owner that little room is left. */
export function nearlyUsedWarning(workspaceId: string, usedBytes: number, quotaBytes: number): TaskEventBody {
  return {
    type: "warning",
    code: "WORKSPACE_QUOTA_NEARLY_USED",
    message: `workspace ${workspaceId} holds ${usedBytes} bytes, its quota is ${quotaBytes} bytes`,
    remedy:
      "Drop cached repositories or artifacts with `automatos workspace repos|artifacts rm`, or move the workspace to a larger plan.",
  };
}
