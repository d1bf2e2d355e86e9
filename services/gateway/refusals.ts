import { PlatformError } from "../../contracts/errors.ts";
import { ruleFor } from "./egress-rules.ts";
import { type EgressTarget, formatTarget } from "./target.ts";

/** A request that the gateway does not pass on. `code` in lower case is the `reason` of logs and metrics. */
export abstract class EgressRefusedError extends PlatformError {}

export class InvalidRequestError extends EgressRefusedError {
  constructor(reason: string, cause?: unknown) {
    super("EGRESS_REQUEST_INVALID", reason, {
      remedy: "Send CONNECT host:port for TLS, or an absolute http:// URL with a Host header that names the same host.",
      status: 400,
      cause,
    });
  }
}

export class NotAuthenticatedError extends EgressRefusedError {
  constructor(cause?: unknown) {
    super("EGRESS_TOKEN_INVALID", "the request carries no valid task token", {
      remedy: "Use the proxy of the sandbox's environment (HTTP_PROXY, HTTPS_PROXY) unchanged, while the task runs.",
      status: 407,
      cause,
    });
  }
}

export class NotAllowedError extends EgressRefusedError {
  constructor(workspaceId: string, target: EgressTarget) {
    super("EGRESS_NOT_ALLOWED", `${formatTarget(target)} is not on the allow-list of workspace ${workspaceId}`, {
      remedy: `If the task needs it, ${addRule(workspaceId, ruleFor(target, { explicitPort: false }))}`,
      status: 403,
    });
  }
}

export class InternalAddressError extends EgressRefusedError {
  constructor(workspaceId: string, target: EgressTarget, address: string) {
    super("EGRESS_INTERNAL_ADDRESS", `${formatTarget(target)} leads to the internal address ${address}`, {
      remedy: `If the task needs that very server, ${addRule(workspaceId, ruleFor(target, { explicitPort: true }))}`,
      status: 403,
    });
  }
}

export class ForbiddenAddressError extends EgressRefusedError {
  constructor(target: EgressTarget, address: string) {
    super("EGRESS_FORBIDDEN_ADDRESS", `${formatTarget(target)} leads to ${address}, which no rule can open`, {
      remedy: "Use another server: metadata, multicast and the platform's own addresses are closed to every task.",
      status: 403,
    });
  }
}

export class WorkspaceUnknownError extends EgressRefusedError {
  constructor(workspaceId: string) {
    super("EGRESS_WORKSPACE_UNKNOWN", `workspace ${workspaceId} is unknown to the gateway`, {
      remedy: "Check with `automatos workspace ls` that the workspace still exists.",
      status: 403,
    });
  }
}

export class TooManyConnectionsError extends EgressRefusedError {
  constructor(taskId: string, limit: number) {
    super(
      "EGRESS_TOO_MANY_CONNECTIONS",
      `task ${taskId} has ${limit} connections open, which is the most it may have`,
      {
        remedy: "Close connections that are no longer needed, or use fewer at once.",
        status: 429,
        retryAfterSeconds: 1,
      },
    );
  }
}

export class RulesUnavailableError extends EgressRefusedError {
  constructor(cause: unknown) {
    super("EGRESS_RULES_UNAVAILABLE", "the allow-list cannot be read at present", {
      remedy: "Try again in some seconds; if it lasts, look at the gateway's health and its database.",
      status: 503,
      cause,
      retryAfterSeconds: 5,
    });
  }
}

export class NameNotResolvedError extends EgressRefusedError {
  constructor(target: EgressTarget, cause: unknown) {
    super("EGRESS_NAME_NOT_RESOLVED", `the name ${target.host} has no address`, {
      remedy: "Check the spelling of the host and the name service of the machine that the gateway runs on.",
      status: 502,
      cause,
    });
  }
}

export class UpstreamFailedError extends EgressRefusedError {
  constructor(target: EgressTarget, what: string, cause: unknown) {
    super("EGRESS_UPSTREAM_FAILED", `${formatTarget(target)} ${what}`, {
      remedy: "Check that the server is up and listens on that port.",
      status: 502,
      cause,
    });
  }
}

export class UpstreamTimeoutError extends EgressRefusedError {
  constructor(target: EgressTarget, what: string, afterMs: number) {
    super("EGRESS_UPSTREAM_TIMEOUT", `${formatTarget(target)} ${what} within ${afterMs} ms`, {
      remedy: "Try again; if it lasts, check the server and the network between it and the gateway.",
      status: 504,
    });
  }
}

/** The refusal as an RFC 9457 problem. */
export function problemBody(refusal: EgressRefusedError): string {
  const { code, message, remedy, status } = refusal;
  return `${JSON.stringify({ type: "about:blank", title: titleOf(status), status, code, detail: message, remedy })}\n`;
}

/** The headers that go with `problemBody`. The connection ends: what else the client sent belongs to no request. */
export function problemHeaders(refusal: EgressRefusedError, body: string): Record<string, string> {
  return {
    "Content-Type": "application/problem+json",
    "Content-Length": String(Buffer.byteLength(body)),
    Connection: "close",
    ...(refusal.status === 407 && { "Proxy-Authenticate": 'Basic realm="automatos"' }),
    ...(refusal.retryAfterSeconds !== undefined && { "Retry-After": String(refusal.retryAfterSeconds) }),
  };
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  403: "Refused by the egress rules",
  407: "Proxy authentication required",
  429: "Too many connections",
  502: "Bad gateway",
  503: "Egress rules unavailable",
  504: "Gateway timeout",
};
/** Also the reason phrase of the status line: the one text that git and curl show of a refused CONNECT. */
export const titleOf = (status: number): string => TITLES[status] ?? "Refused";

const addRule = (workspaceId: string, rule: string) =>
  `add the rule with \`automatos workspace egress add ${workspaceId} ${rule}\`.`;
