import type { FastifyInstance, FastifyRequest } from "fastify";
import { actorOf } from "./access.ts";
import type { AuditLog } from "./audit-log.ts";
import { pathOf } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    audited: boolean;
  }
}

/**
 * Writes a row for each call that may change something, before it is answered: who has an answer can rely on the row.
 * Calls without a valid token leave none, or anybody could fill the log.
 */
export function auditMutations(app: FastifyInstance, log: Pick<AuditLog, "append">): void {
  app.decorateRequest("audited", false);
  app.addHook("onSend", async (request, reply) => {
    const { action } = request.routeOptions.config;
    if (action === undefined || request.caller === undefined || request.audited) return;
    request.audited = true; // also when the write fails: its error is answered through this hook again
    await log.append({
      actor: actorOf(request.caller),
      action,
      target: targetOf(request, reply.getHeader("location")),
      workspaceId: workspaceOf(request),
      outcome: request.problemCode ?? "ok",
      requestId: request.id,
    });
  });
}

/** What was made, where the answer names it; else what was asked for. */
const targetOf = (request: FastifyRequest, location: unknown): string =>
  typeof location === "string" ? location : pathOf(request).slice(0, MAX_TARGET_CHARS);
const MAX_TARGET_CHARS = 2_000;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function workspaceOf(request: FastifyRequest): string | null {
  const named = [
    (request.params as { workspaceId?: unknown } | undefined)?.workspaceId,
    request.task?.workspaceId,
    request.caller?.workspaceId,
    (request.body as { workspaceId?: unknown } | undefined)?.workspaceId,
  ];
  // Also refused requests are logged, so this may be anything.
  return named.find((value): value is string => typeof value === "string" && UUID.test(value)) ?? null;
}
