import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import * as api from "../../../contracts/http-api.ts";
import type { ApiMetrics } from "../metrics.ts";
import { problems } from "./shared.ts";

export interface ServiceRoutesDeps {
  readonly version: string;
  readonly metrics: Pick<ApiMetrics, "render">;
  /** What must work for requests to be answered: each check rejects when it does not. */
  readonly readiness: Readonly<Record<string, () => Promise<unknown>>>;
}

const tags = ["service"];

/** Health, readiness, metrics, version, and who a token speaks for. */
export const serviceRoutes: FastifyPluginAsyncZod<ServiceRoutesDeps> = async (app, { version, metrics, readiness }) => {
  app.get(
    "/healthz",
    {
      config: { access: "public" },
      logLevel: "warn",
      schema: { tags, security: [], summary: "Whether the process lives", response: { 200: api.Health } },
    },
    async () => ({ status: "ok" as const }),
  );

  app.get(
    "/readyz",
    {
      config: { access: "public" },
      logLevel: "warn",
      schema: {
        tags,
        security: [],
        summary: "Whether requests can be answered",
        response: { 200: api.Readiness, 503: api.Readiness },
      },
    },
    async (_request, reply) => {
      const checks = await runChecks(readiness);
      const ready = Object.values(checks).every((outcome) => outcome === "ok");
      return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not_ready", checks });
    },
  );

  app.get(
    "/metrics",
    {
      config: { access: "admin" },
      logLevel: "warn",
      schema: {
        tags,
        summary: "Metrics in Prometheus' text format",
        description: "Labels name workspaces, so an admin token is needed.",
        response: {
          200: { description: "Metrics.", content: { "text/plain": { schema: z.string() } } },
          ...problems(403),
        },
      },
    },
    async (_request, reply) => {
      const { contentType, text } = await metrics.render();
      return reply.type(contentType).serializer(String).send(text);
    },
  );

  app.get(
    "/api/version",
    {
      config: { access: "public" },
      schema: { tags, security: [], summary: "What answers here", response: { 200: api.ApiVersion } },
    },
    async () => ({ name: "automatos" as const, version }),
  );

  app.get(
    "/api/whoami",
    {
      config: { access: "caller" },
      schema: { tags, summary: "Whom the token speaks for", response: { 200: api.Caller, ...problems() } },
    },
    async (request) => {
      if (request.caller === undefined || request.caller.kind === "task")
        throw new Error("a route with access `caller` has a caller");
      return request.caller;
    },
  );
};

async function runChecks(checks: ServiceRoutesDeps["readiness"]): Promise<Record<string, "ok" | "failed">> {
  const outcomes = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      const outcome = await check().then(
        () => "ok" as const,
        () => "failed" as const,
      );
      return [name, outcome] as const;
    }),
  );
  return Object.fromEntries(outcomes);
}
