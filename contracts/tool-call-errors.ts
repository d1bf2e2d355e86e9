import { PlatformError } from "./errors.ts";

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
