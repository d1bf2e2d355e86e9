import type { FastifyRequest } from "fastify";
import { PlatformError } from "../../contracts/errors.ts";
import type { Caller } from "../../contracts/http-api.ts";

export class ApprovalRightRequiredError extends PlatformError {
  constructor() {
    super("APPROVAL_RIGHT_REQUIRED", "this token may not answer questions of tasks", {
      remedy:
        "Answer with an admin token, or have an administrator make one with `mayApprove` for a person: an agent that holds its workspace's token must not approve its own calls.",
      status: 403,
    });
  }
}

/**
 * Who answers a question: an administrator, or the holder of a workspace's token that was made for that.
 *
 * @throws ApprovalRightRequiredError
 */
export function approverOf({ caller }: FastifyRequest): Caller {
  if (caller === undefined || !("mayApprove" in caller) || !caller.mayApprove) throw new ApprovalRightRequiredError();
  return caller;
}
