import { timingSafeEqual } from "node:crypto";
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from "fastify";
import { TaskNotFoundError, WorkspaceNotFoundError } from "../../contracts/errors.ts";
import type { Caller } from "../../contracts/http-api.ts";
import type { TaskStatus } from "../../contracts/task.ts";
import { TICKET_PREFIX } from "../../contracts/terminal.ts";
import type { ApiTaskIdentity } from "../runtime/task-token.ts";
import { AdminRequiredError, TaskNotRunningError, UnauthenticatedError } from "./errors.ts";
import { problem } from "./routes/shared.ts";
import { hashToken, type TokenStore } from "./token-store.ts";

/**
 * Who may call a route. `public`: anybody. `caller`: any valid token; the handler confines itself to `scopeOf(request)`.
 * `workspace` and `task`: routes with `:workspaceId` or `:taskId`; another tenant's objects are answered as if they did
 * not exist. `workspace-admin`: as `workspace`, and only an admin token goes through. `admin`: admin tokens only.
 * `running-task`: the task of `:taskId` itself, while it runs, by the token that its worker signed; nobody else, and such
 * a token opens nothing else.
 */
type Access = "public" | "caller" | "workspace" | "workspace-admin" | "task" | "admin" | "running-task";

/** A task that runs, as the caller of its own routes. */
export interface TaskCaller {
  readonly kind: "task";
  /** The task's id. */
  readonly name: string;
  readonly workspaceId: string;
  readonly networkAccess: boolean;
}

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
    /** What the audit log calls it; every route that changes something has one. */
    action?: string;
    /** Whether it may change a workspace that is on its way to another installation, or lives there. */
    whileMoving?: boolean;
    /** Whether a ticket of the workspace, as a browser offers it with a WebSocket, is as good as a token. */
    ticket?: boolean;
  }
  interface FastifyInstance {
    /** Every route, and who may call it. */
    routeTable: readonly RouteEntry[];
  }
  interface FastifyRequest {
    /** Undefined only on public routes. */
    caller: Caller | TaskCaller | undefined;
    /** The task of a route with `:taskId`, as it stood when the request came. */
    task: TaskStatus | undefined;
    /** Of the error that is being answered. */
    problemCode: string | undefined;
  }
}

export interface RouteEntry {
  readonly method: string;
  readonly url: string;
  readonly access: Access;
  readonly action: string | undefined;
}

export interface AccessDeps {
  /** SHA-256 of the token of the stack's configuration. */
  readonly adminTokenHash: Buffer;
  readonly tokens: Pick<TokenStore, "find">;
  readonly taskStatus: (taskId: string) => Promise<TaskStatus>;
  /** Who holds a task's token; rejects for one that is not good. */
  readonly verifyTaskToken: (token: string) => Promise<ApiTaskIdentity>;
  /** Rejects for a workspace that must not be changed here. */
  readonly requireOpen: (workspaceId: string) => Promise<void>;
  /** Who was given a ticket, which is used up by it; undefined for one that is not good. */
  readonly takeTicket: (ticket: string) => Promise<Caller | undefined>;
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);
const PATH_PARAMETER: Partial<Record<Access, string>> = {
  workspace: ":workspaceId",
  "workspace-admin": ":workspaceId",
  task: ":taskId",
  "running-task": ":taskId",
};

/** Guards every route of the app. A route that does not say who may call it cannot be registered. */
export function guardRoutes(app: FastifyInstance, deps: AccessDeps): void {
  const table: RouteEntry[] = [];
  app.decorate("routeTable", table);
  app.decorateRequest("caller", undefined);
  app.decorateRequest("task", undefined);
  app.decorateRequest("problemCode", undefined);

  app.addHook("onRoute", ({ url, method, config, schema }) => {
    const access = config?.access;
    if (url === "/docs" || url.startsWith("/docs/")) return; // a library's: pages that anybody may read
    if (access === undefined) throw new Error(`${String(method)} ${url} does not say who may call it`);
    const parameter = PATH_PARAMETER[access];
    if (parameter !== undefined && !url.includes(parameter)) throw new Error(`${url} has no ${parameter}`);
    const { action } = config ?? {};
    for (const name of [method].flat()) {
      if (!SAFE_METHODS.has(name) && action === undefined) throw new Error(`${name} ${url} has no audit action`);
      table.push({ method: name, url, access, action });
      if (!changesWorkspace(name, url, config)) continue;
      const response = (schema?.response ?? {}) as Record<number, unknown>;
      response[404] ??= problem;
      response[409] ??= problem; // what requireOpen answers
    }
  });

  app.addHook("onRequest", async (request) => {
    const { access } = request.routeOptions.config;
    if (access === undefined || access === "public") return;
    request.caller = await (access === "running-task" ? identifyTask : identify)(request, deps);
  });

  app.addHook("preHandler", async (request) => {
    const { access } = request.routeOptions.config;
    const { caller } = request;
    if (access === undefined || access === "public" || caller === undefined) return;
    if (access === "task" || access === "running-task") request.task = await ownTask(request, caller, deps);
    if (access === "running-task") requireRunning(request);
    if (access === "workspace" || access === "workspace-admin") requireOwnWorkspace(request, caller);
    if ((access === "admin" || access === "workspace-admin") && caller.kind !== "admin") {
      throw new AdminRequiredError(
        request.routeOptions.config.action ?? `${request.method} ${request.routeOptions.url ?? ""}`,
      );
    }
    const { url = "", config } = request.routeOptions;
    if (changesWorkspace(request.method, url, config)) {
      await deps.requireOpen((request.params as { workspaceId: string }).workspaceId);
    }
  });
}

/** Whether a route changes something in a workspace that has to be open for it. */
const changesWorkspace = (method: string, url: string, config: FastifyContextConfig | undefined): boolean =>
  !SAFE_METHODS.has(method) && config?.whileMoving !== true && url.startsWith("/api/workspaces/:workspaceId/");

/** The workspace that the caller is confined to; undefined for an administrator, who is not. */
export const scopeOf = (request: FastifyRequest): string | undefined => request.caller?.workspaceId ?? undefined;

/**
 * For routes with access `caller`: the workspace that the request names or, where it names none, the caller's own.
 * Undefined when an administrator names none.
 *
 * @throws WorkspaceNotFoundError when it names one that the caller may not see.
 */
export function scopedWorkspace(request: FastifyRequest, named: string | undefined): string | undefined {
  const scope = scopeOf(request);
  if (scope !== undefined && named !== undefined && named !== scope) throw new WorkspaceNotFoundError(named);
  return named ?? scope;
}

/** The task that the guard found for a route with access `task` or `running-task`. */
export function taskOf(request: FastifyRequest): TaskStatus {
  if (request.task === undefined) throw new Error("only routes with access `task` have a task");
  return request.task;
}

/** The caller of a route with access `running-task`. */
export function taskCallerOf({ caller }: FastifyRequest): TaskCaller {
  if (caller?.kind !== "task") throw new Error("only routes with access `running-task` are called by a task");
  return caller;
}

/** The name of a caller in the audit log. */
export function actorOf(caller: Caller | TaskCaller): string {
  if (caller.workspaceId === null) return `admin:${caller.name}`;
  return `${caller.kind}:${caller.workspaceId}:${caller.name}`;
}

function bearerToken(request: FastifyRequest): string {
  const [scheme, token, ...rest] = (request.headers.authorization ?? "").split(" ");
  if (token === undefined || token === "" || rest.length > 0 || scheme?.toLowerCase() !== "bearer") {
    throw new UnauthenticatedError("missing");
  }
  return token;
}

/** @throws UnauthenticatedError for a ticket that is not good; undefined where there is none */
async function identifyTicket(request: FastifyRequest, deps: AccessDeps): Promise<Caller | undefined> {
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const ticket = offered.find((name) => name.startsWith(TICKET_PREFIX))?.slice(TICKET_PREFIX.length);
  if (ticket === undefined) return undefined;
  const holder = await deps.takeTicket(ticket);
  if (holder === undefined) throw new UnauthenticatedError("unknown");
  return holder;
}

async function identifyTask(request: FastifyRequest, deps: AccessDeps): Promise<TaskCaller> {
  const identity = await deps.verifyTaskToken(bearerToken(request)).catch(() => {
    throw new UnauthenticatedError("unknown");
  });
  const { taskId, workspaceId, networkAccess } = identity;
  return { kind: "task", name: taskId, workspaceId, networkAccess };
}

async function identify(request: FastifyRequest, deps: AccessDeps): Promise<Caller> {
  if (request.routeOptions.config.ticket === true && request.headers.authorization === undefined) {
    const holder = await identifyTicket(request, deps);
    if (holder !== undefined) return holder;
  }
  const token = bearerToken(request);
  const hash = hashToken(token);
  // Equal lengths by construction, so that the time tells nothing.
  if (timingSafeEqual(hash, deps.adminTokenHash)) {
    return { kind: "admin", name: "root", tokenId: null, workspaceId: null, mayApprove: true };
  }
  const found = await deps.tokens.find(hash);
  if (found === undefined) throw new UnauthenticatedError("unknown");
  const { workspaceId, name, tokenId, mayApprove } = found;
  return { kind: workspaceId === null ? "admin" : "workspace", name, tokenId, workspaceId, mayApprove };
}

function requireOwnWorkspace(request: FastifyRequest, caller: Caller | TaskCaller): void {
  const { workspaceId } = request.params as { workspaceId: string };
  if (caller.kind !== "admin" && caller.workspaceId !== workspaceId.toLowerCase()) {
    throw new WorkspaceNotFoundError(workspaceId);
  }
}

async function ownTask(request: FastifyRequest, caller: Caller | TaskCaller, deps: AccessDeps): Promise<TaskStatus> {
  const { taskId } = request.params as { taskId: string };
  if (caller.kind === "task" && caller.name !== taskId) throw new TaskNotFoundError(taskId);
  const task = await deps.taskStatus(taskId);
  if (caller.kind !== "admin" && task.workspaceId !== caller.workspaceId) throw new TaskNotFoundError(taskId);
  return task;
}

/** The token outlives its task by a little; what has ended does nothing more. */
function requireRunning(request: FastifyRequest): void {
  const { taskId, status } = taskOf(request);
  if (status !== "running") throw new TaskNotRunningError(taskId, status);
}
