import { EgressRefusedError } from "./refusals.ts";

/** A fault of the gateway: the details are in its log, not in the answer. */
class GatewayFaultError extends EgressRefusedError {
  constructor(cause: unknown) {
    super("EGRESS_INTERNAL", "the gateway failed to handle the request", {
      remedy: "Try again; if it lasts, look at the gateway's log.",
      status: 502,
      cause,
    });
  }
}

export const asRefusal = (error: unknown): EgressRefusedError =>
  error instanceof EgressRefusedError ? error : new GatewayFaultError(error);
