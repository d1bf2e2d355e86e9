import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import { PlatformError } from "../../contracts/errors.ts";
import type { Problem } from "../../contracts/http-api.ts";
import { type ProblemIssue } from "../../contracts/http-api.ts";
import { isTransient } from "../runtime/database.ts";
import { AllowedMethods } from "./allowed-methods.ts";
import { MethodNotAllowedError, RecordUnavailableError, RouteNotFoundError } from "./errors.ts";

const PROBLEM_MEDIA_TYPE = "application/problem+json";

interface Facts {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly remedy: string;
  readonly retryAfterSeconds?: number | undefined;
  readonly issues?: ProblemIssue[];
}

/**
 * Makes every error of the app a problem document: thrown ones, unknown routes, and what Fastify itself refuses. Call it
 * after `guardRoutes`, whose table says what a path takes.
 */
export function answerProblems(app: FastifyInstance): void {
  const allowed = new AllowedMethods(app.routeTable);
  const noRoute = (request: FastifyRequest, reply: FastifyReply): PlatformError => {
    const methods = allowed.of(pathOf(request));
    if (methods.length === 0) return new RouteNotFoundError(request.method, pathOf(request));
    void reply.header("allow", methods.join(", "));
    return new MethodNotAllowedError(request.method, pathOf(request), methods);
  };
  app.addHook("onRequest", async (request, reply) => {
    // DELETE …/dead-letters/drop drops no task that is called `drop`.
    if (allowed.refuses(request.method, pathOf(request))) throw noRoute(request, reply);
  });
  app.setErrorHandler((error: FastifyError, request, reply) => {
    // A request without a route may be refused for its form first; that it has none is what its sender must know.
    const facts = request.is404 ? factsOfPlatform(noRoute(request, reply)) : factsOf(error);
    if (facts.status >= 500) {
      request.log.error(
        { event: "request_failed", err: error, method: request.method, code: facts.code },
        "request failed",
      );
    }
    return sendProblem(request, reply, facts);
  });
  app.setNotFoundHandler((request, reply) => {
    throw noRoute(request, reply);
  });
}

/** For requests that find no route for their form, such as a URL that is not encoded: no hook has run for them. */
export function answerFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  void sendProblem(request, reply.header("x-request-id", request.id), factsOf(error));
}

/** For bytes that are no HTTP request: there is not even an id. */
export function answerUnreadableRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ""] ?? 400;
  const body = JSON.stringify({
    type: "urn:automatos:problem:unreadable-request",
    title: STATUS_CODES[status] ?? "Bad Request",
    status,
    detail: "the request is not one that HTTP/1.1 allows, or did not arrive in time",
    instance: "/",
    code: "UNREADABLE_REQUEST",
    remedy: "Use an HTTP client library.",
    requestId: "",
  } satisfies Problem);
  const headers = `Content-Type: ${PROBLEM_MEDIA_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close`;
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${headers}\r\n\r\n${body}`);
}

/** The path that was asked for, without its query, which may hold what nobody should see again. */
export const pathOf = (request: FastifyRequest): string => request.url.split("?", 1)[0] ?? "/";

function sendProblem(request: FastifyRequest, reply: FastifyReply, facts: Facts): FastifyReply {
  const problem: Problem = {
    type: `urn:automatos:problem:${facts.code.toLowerCase().replaceAll("_", "-")}`,
    title: titleOf(facts.code, facts.status),
    status: facts.status,
    detail: facts.detail,
    instance: pathOf(request),
    code: facts.code,
    remedy: facts.remedy,
    requestId: request.id,
    ...(facts.issues === undefined ? {} : { issues: facts.issues }),
  };
  request.problemCode = facts.code;
  if (facts.status === 401) void reply.header("www-authenticate", 'Bearer realm="automatos"');
  if (facts.retryAfterSeconds !== undefined) void reply.header("retry-after", Math.ceil(facts.retryAfterSeconds));
  // Serialized here: a route's own response schemas know only what it promises, and every route may fail.
  return reply
    .code(facts.status)
    .removeHeader("content-disposition")
    .type(PROBLEM_MEDIA_TYPE)
    .serializer((value: unknown) => JSON.stringify(value))
    .send(problem);
}

function titleOf(code: string, status: number): string {
  if (status >= 500) return STATUS_CODES[status] ?? "Error";
  const words = code.toLowerCase().replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const factsOfPlatform = ({ status, code, message, remedy, retryAfterSeconds }: PlatformError): Facts => ({
  status,
  code,
  detail: message,
  remedy,
  retryAfterSeconds,
});

function factsOf(error: FastifyError): Facts {
  const known = asPlatformError(error);
  if (known !== undefined) return factsOfPlatform(known);
  if (hasZodFastifySchemaValidationErrors(error)) return invalidRequest(error);
  const refusal = FASTIFY_REFUSALS[error.code];
  if (refusal !== undefined) return { ...refusal, detail: error.message.replace(/\.$/, "") };
  if (error.statusCode !== undefined && error.statusCode >= 400 && error.statusCode < 500) {
    return {
      status: error.statusCode,
      code: "BAD_REQUEST",
      detail: error.message,
      remedy: "See /docs for what this route takes.",
    };
  }
  return {
    status: 500,
    code: "INTERNAL_ERROR",
    detail: "the request failed for a reason inside the service",
    remedy: "Try again; if it persists, give the requestId to whoever runs the service: its logs hold the reason.",
  };
}

function invalidRequest(error: FastifyError): Facts {
  const where = error.validationContext ?? "body";
  const issues = (error.validation ?? []).flatMap((issue) =>
    flatten(where, issue.instancePath, { message: issue.message ?? issue.keyword, ...issue.params }),
  );
  const first = issues[0];
  const more = issues.length > 1 ? ` (and ${issues.length - 1} more)` : "";
  return {
    status: 400,
    code: "VALIDATION_FAILED",
    detail: first === undefined ? `the ${where} is not valid` : `${first.in}${first.path}: ${first.message}${more}`,
    remedy: "Correct every entry of `issues`; /docs shows the schema of this route.",
    issues,
  };
}

interface NestedIssue {
  readonly message?: string;
  readonly path?: readonly PropertyKey[];
  /** Of a union: the issues of each of its branches. */
  readonly errors?: readonly (readonly NestedIssue[])[];
}

const isMissing = ({ path = [], message }: NestedIssue): boolean =>
  path.length === 0 && message?.endsWith("received undefined") === true;

/** An issue; of a union the issues of the branch that came nearest, as "invalid input" helps nobody. */
function flatten(where: ProblemIssue["in"], path: string, issue: NestedIssue): ProblemIssue[] {
  const branches = (issue.errors ?? []).filter((branch) => branch.length > 0);
  if (branches.length > 0 && branches.every((branch) => branch.every(isMissing))) {
    return [{ in: where, path, message: "is missing" }];
  }
  const nearest = branches.toSorted((a, b) => a.length - b.length)[0];
  if (nearest === undefined) return [{ in: where, path, message: issue.message ?? "invalid" }];
  return nearest.flatMap((inner) =>
    flatten(where, [path === "/" ? "" : path, ...(inner.path ?? []).map(String)].join("/"), inner),
  );
}

const FASTIFY_REFUSALS: Readonly<Record<string, { status: number; code: string; remedy: string }>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: { status: 400, code: "INVALID_JSON", remedy: "Send a body that is valid JSON." },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    status: 400,
    code: "INVALID_JSON",
    remedy: "Send a JSON body, or leave out the content type.",
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    status: 400,
    code: "INVALID_CONTENT_LENGTH",
    remedy: "Send as many bytes as content-length says.",
  },
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    code: "BODY_TOO_LARGE",
    remedy: "Send less at once: large files belong in a repository or are made by a step.",
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    status: 415,
    code: "UNSUPPORTED_MEDIA_TYPE",
    remedy: "Send the body as application/json.",
  },
  FST_ERR_BAD_URL: { status: 400, code: "BAD_URL", remedy: "Percent-encode the path." },
};

function asPlatformError(error: unknown): PlatformError | undefined {
  if (error instanceof PlatformError) return error;
  return isTransient(error) ? new RecordUnavailableError(error) : undefined;
}
