import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { WebSocket } from "ws";
import { z } from "zod";
import { TerminalQuery, TerminalTicket } from "../../../contracts/terminal.ts";
import { requireAllowed } from "../../../contracts/tool-call-errors.ts";
import { actorOf } from "../access.ts";
import type { AuditLog } from "../audit-log.ts";
import { OriginRefusedError, UpgradeRequiredError } from "../calls/errors.ts";
import { join, openTerminal } from "../calls/open-terminal.ts";
import type { TicketStore } from "../calls/ticket-store.ts";
import { TokenWatch } from "../calls/token-watch.ts";
import type { ToolCalls } from "../calls/tool-calls.ts";
import { pathOf } from "../problem.ts";
import type { TokenStore } from "../token-store.ts";
import { problems, workspaceParams } from "./shared.ts";

export interface TerminalRoutesDeps {
  readonly calls: ToolCalls;
  readonly tickets: Pick<TicketStore, "give">;
  readonly audit: Pick<AuditLog, "append">;
  readonly tokens: Pick<TokenStore, "stillGood">;
}

const tags = ["tools"];
/** Of a WebSocket that is closed for what its other side is, RFC 6455. */
const POLICY_VIOLATION = 1008;

/** `/api/workspaces/{id}/terminal`: a shell on a pseudo-terminal in the workspace's sandbox, over a WebSocket. */
export const terminalRoutes: FastifyPluginAsyncZod<TerminalRoutesDeps> = async (app, deps) => {
  const { calls, tickets, audit, tokens } = deps;
  const watch = new TokenWatch({ tokens, log: app.log });
  app.addHook("onClose", async () => watch.close());
  const atWorker = new WeakMap<FastifyRequest, WebSocket>();

  app.post(
    "/api/workspaces/:workspaceId/terminal",
    {
      config: { access: "workspace", action: "terminal.ticket" },
      schema: {
        tags,
        operationId: "createTerminalTicket",
        summary: "A ticket with which a browser opens one terminal",
        description: "Good once, for 30 seconds. Programs need none: they send their bearer token with the WebSocket.",
        params: workspaceParams,
        response: { 201: TerminalTicket, ...problems(400, 403, 404) },
      },
    },
    async (request, reply) => {
      const { workspaceId } = request.params;
      requireAllowed(await calls.grant(workspaceId, request.id), "execute_command");
      const { caller } = request;
      if (caller === undefined || caller.kind === "task") throw new Error("a workspace's routes have a caller");
      return reply.code(201).send(await tickets.give(workspaceId, caller));
    },
  );

  app.route({
    method: "GET",
    url: "/api/workspaces/:workspaceId/terminal",
    config: { access: "workspace", ticket: true },
    schema: {
      tags,
      operationId: "openTerminal",
      summary: "A shell on a terminal, over a WebSocket",
      description:
        "Allowed where `execute_command` is. Subprotocol `automatos-terminal.v1`; browsers offer `ticket.<ticket>` beside it. " +
        "Binary messages are the terminal's bytes, both ways. Text messages are JSON: the caller sends " +
        '`{"type":"resize","columns":80,"rows":24}`; he is sent `{"type":"ready","callId"}` first, and ' +
        '`{"type":"exit","exitCode","signal"}` or `{"type":"error","code","message","remedy"}` last. Everything in the ' +
        "terminal is killed when the socket closes: it cannot be returned to. It ends after 15 minutes in which nothing " +
        "is typed or shown, after 8 hours, and when the token that opened it is revoked or expires.",
      params: workspaceParams,
      querystring: TerminalQuery,
      response: { 101: z.null(), ...problems(400, 403, 404, 426, 429, 501, 502, 507) },
    },
    // Before the connection becomes a WebSocket, so that a refusal is an answer like any other.
    preHandler: async (request) => {
      if (!request.ws) return;
      requireSameOrigin(request);
      const { workspaceId } = request.params;
      const grant = await calls.grant(workspaceId, request.id);
      requireAllowed(grant, "execute_command");
      const socket = await openTerminal(calls.workers, grant, request.query);
      if (request.raw.socket.destroyed) socket.terminate();
      request.raw.socket.once("close", () => socket.close());
      await audit
        .append({
          actor: request.caller === undefined ? "" : actorOf(request.caller),
          action: "terminal.open",
          target: pathOf(request),
          workspaceId,
          outcome: "ok",
          requestId: request.id,
          suppressed: 0,
        })
        .catch((error: unknown) => {
          socket.terminate();
          throw error;
        });
      atWorker.set(request, socket);
    },
    handler: async () => {
      throw new UpgradeRequiredError();
    },
    wsHandler: (client, request) => {
      const worker = atWorker.get(request);
      if (worker === undefined) {
        client.close(1011);
        return;
      }
      join(client, worker);
      const tokenId = request.caller?.kind === "task" ? null : (request.caller?.tokenId ?? null);
      if (tokenId === null) return;
      const letGo = watch.hold(tokenId, () => {
        client.close(POLICY_VIOLATION, "the token is good no more");
        worker.terminate(); // a client that does not answer keeps nothing alive
      });
      client.once("close", letGo);
    },
  });
};

/** Browsers say which page asks, and they alone do. @throws OriginRefusedError */
function requireSameOrigin({ headers }: FastifyRequest): void {
  const { origin, host } = headers;
  if (origin === undefined) return;
  if (!URL.canParse(origin) || new URL(origin).host !== host) throw new OriginRefusedError(origin);
}
