import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Counter, type Registry } from "prom-client";
import { actorOf } from "./access.ts";
import type { AuditLog } from "./audit-log.ts";
import { pathOf } from "./problem.ts";
import { RefusalWindows } from "./refusal-windows.ts";

declare module "fastify" {
  interface FastifyRequest {
    audited: boolean;
    /** What a tool call does; other routes' paths say it. */
    toolCall: string | undefined;
    /** How a tool call ended, where the status of its answer does not say it. */
    toolOutcome: string | undefined;
    /** Writes a row of this request at once, in place of the one that comes before its answer. */
    recordCall(outcome: string): Promise<void>;
  }
}

export interface AuditMutationsDeps {
  readonly audit: Pick<AuditLog, "append">;
  /** Counts every refusal, whether it has a row or not. */
  readonly registry: Registry;
}

/**
 * Writes a row for each call that may change something, before it is answered: who has an answer can rely on the row.
 * A stream has two, as a task's tool calls have: one before its first byte, `started`, and one before its last.
 * Calls without a valid token leave none, or anybody could fill the log. Of refusals (4xx) of one actor, action and code
 * only the first of a minute has a row, and the next row says how many had none: a refusal costs its caller nothing,
 * and no row can ever be removed. The service's log has each of them.
 */
export function auditMutations(app: FastifyInstance, { audit, registry }: AuditMutationsDeps): void {
  const windows = new RefusalWindows();
  const refusals = new Counter({
    name: "automatos_refused_mutations_total",
    help: "Calls that would have changed something, and were refused, by the code of the error.",
    labelNames: ["action", "code"],
    registers: [registry],
  });
  app.decorateRequest("audited", false);
  app.decorateRequest("toolCall", undefined);
  app.decorateRequest("toolOutcome", undefined);
  app.decorateRequest("recordCall", async function (this: FastifyRequest, outcome: string) {
    const { action } = this.routeOptions.config;
    if (action === undefined || this.caller === undefined)
      throw new Error("what is recorded has an action and an actor");
    this.audited = true;
    await audit.append({ ...recordOf(this, { action, caller: this.caller, outcome }), call: this.id, suppressed: 0 });
  });
  app.addHook("onSend", async (request, reply) => {
    const { action } = request.routeOptions.config;
    const { caller } = request;
    if (action === undefined || caller === undefined || request.audited) return;
    request.audited = true; // also when the write fails: its error is answered through this hook again
    const outcome = request.problemCode ?? request.toolOutcome ?? "ok";
    const record = recordOf(request, { action, caller, outcome, made: reply.getHeader("location") });
    const kind = JSON.stringify([record.actor, action, outcome]);
    /** A success that the log cannot take is none; an error stays the error that it is. */
    const append = async (suppressed: number): Promise<void> => {
      try {
        await audit.append({ ...record, suppressed });
      } catch (error) {
        if (reply.statusCode < 400) throw error;
        if (isRefusal(reply)) windows.giveBack(kind, suppressed);
        request.log.error({ event: "audit_failed", err: error, outcome }, "an error's row could not be written");
      }
    };
    if (!isRefusal(reply)) return append(0);
    refusals.inc({ action, code: outcome });
    // No target: it is the caller's choice, and each new one would be a new row.
    const suppressed = windows.admit(kind);
    if (suppressed !== null) await append(suppressed);
  });
}

interface Facts {
  readonly action: string;
  readonly caller: NonNullable<FastifyRequest["caller"]>;
  readonly outcome: string;
  /** Where the answer says that it is. */
  readonly made?: unknown;
}

const recordOf = (request: FastifyRequest, { action, caller, outcome, made }: Facts) => ({
  actor: actorOf(caller),
  action,
  target: request.toolCall ?? targetOf(request, made),
  workspaceId: workspaceOf(request),
  outcome,
  requestId: request.id,
});

/** What failed inside the service is none: it may have changed something. */
const isRefusal = ({ statusCode }: FastifyReply): boolean => statusCode >= 400 && statusCode < 500;

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
    (request.query as { workspaceId?: unknown } | undefined)?.workspaceId,
  ];
  // Also refused requests are logged, so this may be anything.
  return named.find((value): value is string => typeof value === "string" && UUID.test(value)) ?? null;
}
