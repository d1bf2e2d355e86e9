import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { buildSchema, graphql, parse, validate } from "graphql";
import { resolversOf } from "./resolvers.ts";
import { type Plan, PLANS, World } from "./world.ts";

export const SDL = readFileSync(path.join(import.meta.dirname, "schema.graphql"), "utf8");
export const TOKEN = "railway-token-of-the-test";
/** Of another workspace, in which there is nothing: what the first one holds is "not found" to it. */
export const FOREIGN_TOKEN = "railway-token-of-another-workspace";

/** What goes wrong with a call. */
export type Fault =
  /** No effect: the server fails, hangs up, or turns the caller away. */
  | { readonly kind: "fails" | "hangs-up" }
  | { readonly kind: "turns-away"; readonly retryAfter?: string; readonly cloudflare?: boolean }
  | { readonly kind: "says"; readonly message: string; readonly code?: string }
  /** The effect is there, and its answer is lost. */
  | { readonly kind: "loses-answer" | "fails-afterwards" };

export interface RailwayServer {
  readonly url: string;
  readonly world: World;
  /** Every call that was let in, by its operation's name. */
  readonly calls: string[];
  /** The next call of an operation (`*`: of any) meets the fault; several queue up. */
  meet(operation: string, ...faults: readonly Fault[]): void;
  close(): Promise<void>;
}

interface Call {
  readonly query: string;
  readonly variables?: Record<string, unknown>;
  readonly operationName?: string;
}

/** Plays Railway's public API on a port of 127.0.0.1: its part of the schema, its rules, its limits and its failures. */
export async function startRailway({ plan = PLANS.pro }: { plan?: Plan } = {}): Promise<RailwayServer> {
  const schema = buildSchema(SDL);
  const world = new World(plan, "workspace-1");
  const seenBy = new Map([
    [`Bearer ${TOKEN}`, resolversOf(world)],
    [`Bearer ${FOREIGN_TOKEN}`, resolversOf(new World(plan, "workspace-2"))],
  ]);
  const calls: string[] = [];
  const faults = new Map<string, Fault[]>();
  const recent: number[] = [];

  const isTooFast = (): boolean => {
    const now = Date.now();
    while (recent[0] !== undefined && now - recent[0] >= 1_000) recent.shift();
    recent.push(now);
    return recent.length > plan.requestsPerSecond;
  };
  const takeFault = (name: string): Fault | undefined => faults.get(name)?.shift() ?? faults.get("*")?.shift();

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { searchParams } = new URL(request.url ?? "/", "http://railway");
    const body = await bodyOf(request);
    if (!searchParams.has("source")) {
      page(response, 403, "error code: 1020");
      return;
    }
    if (isTooFast()) {
      turnAway(response, { kind: "turns-away", retryAfter: "1" });
      return;
    }
    const rootValue = seenBy.get(request.headers.authorization ?? "");
    if (rootValue === undefined) {
      say(response, "Not Authorized");
      return;
    }
    const call = JSON.parse(body) as Call;
    const name = call.operationName ?? "";
    const fault = takeFault(name);
    if (fault?.kind === "hangs-up") {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === "fails") {
      page(response, 502, "<html>Bad gateway</html>");
      return;
    }
    if (fault?.kind === "turns-away") {
      turnAway(response, fault);
      return;
    }
    if (fault?.kind === "says") {
      say(response, fault.message, fault.code);
      return;
    }
    calls.push(name);
    const invalid = validate(schema, parse(call.query));
    const result =
      invalid.length > 0
        ? { errors: invalid }
        : await graphql({ schema, source: call.query, rootValue, variableValues: call.variables ?? {} });
    if (fault?.kind === "loses-answer") {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === "fails-afterwards") {
      page(response, 504, "<html>Gateway timeout</html>");
      return;
    }
    json(response, 200, result);
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql/v2`,
    world,
    calls,
    meet(operation, ...more) {
      faults.set(operation, [...(faults.get(operation) ?? []), ...more]);
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

function json(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

function page(response: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "text/html", ...headers }).end(text);
}

function say(response: ServerResponse, message: string, code?: string): void {
  json(response, 200, { data: null, errors: [{ message, ...(code === undefined ? {} : { extensions: { code } }) }] });
}

function turnAway(response: ServerResponse, fault: Extract<Fault, { kind: "turns-away" }>): void {
  const headers = fault.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter };
  if (fault.cloudflare === true) page(response, 429, "<html><title>error code: 1015</title></html>", headers);
  else json(response, 429, { errors: [{ message: "Too many requests" }] }, headers);
}
