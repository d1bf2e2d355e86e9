import { PlatformError, ToolDeniedError } from "./errors.ts";
import type { CallGrant } from "./tool-call.ts";
import { decideTool, type ToolName } from "./tools.ts";

/** A call without a task has nowhere to wait for a person. */
export class CallNeedsApprovalError extends PlatformError {
  constructor(tool: string) {
    super("TOOL_NEEDS_APPROVAL", `this workspace asks a person before ${tool}, and a call without a task cannot wait`, {
      remedy:
        "Submit the call as a step of a task, which waits for the answer, " +
        `or allow ${tool} in the workspace's tool policy (PUT /api/workspaces/{id}/tools).`,
      status: 403,
    });
  }
}

/** Asked by the API before it passes a call on, and by the worker before it makes it. @throws ToolDeniedError, CallNeedsApprovalError */
export function requireAllowed({ toolPolicy }: CallGrant, tool: ToolName): void {
  const decision = decideTool(toolPolicy, tool);
  if (decision === "deny") throw new ToolDeniedError(tool);
  if (decision === "ask") throw new CallNeedsApprovalError(tool);
}
