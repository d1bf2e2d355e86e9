import type { FastifyInstance } from "fastify";
import { Gauge, Histogram, type Registry } from "prom-client";
import type { RunnerMetrics } from "../runner/metrics.ts";
import type { Operations } from "./operations.ts";

export interface ApiMetrics {
  /** In Prometheus' text format. What the record knows is read from it at each scrape. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Measures every request of the app. */
  observe(app: FastifyInstance): void;
}

export interface PrometheusMetricsDeps {
  readonly registry: Registry;
  /** Those that this process' runner counts into; the gauges of the record are set here. */
  readonly runner: RunnerMetrics;
  readonly operations: Pick<Operations, "queues" | "workers" | "activeTasksByWorkspace">;
}

/** The API's metrics. Several APIs report the same record: take the maximum of its gauges, not their sum. */
export class PrometheusMetrics implements ApiMetrics {
  readonly #deps: PrometheusMetricsDeps;
  readonly #requests: Histogram<"method" | "route" | "status">;
  readonly #heartbeatAge: Gauge<"worker">;
  readonly #activeByWorkspace: Gauge<"workspace">;

  constructor(deps: PrometheusMetricsDeps) {
    this.#deps = deps;
    const registers = [deps.registry];
    this.#requests = new Histogram({
      name: "automatos_http_request_duration_seconds",
      help: "Time to answer, streams excluded.",
      labelNames: ["method", "route", "status"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    });
    this.#heartbeatAge = new Gauge({
      name: "automatos_worker_heartbeat_age",
      help: "Seconds since a worker was last heard of.",
      labelNames: ["worker"],
      registers,
    });
    this.#activeByWorkspace = new Gauge({
      name: "automatos_workspace_active_tasks",
      help: "Tasks that a workspace has running; workspaces without any are left out.",
      labelNames: ["workspace"],
      registers,
    });
  }

  observe(app: FastifyInstance): void {
    app.addHook("onResponse", async (request, reply) => {
      const { url } = request.routeOptions;
      const streamed = reply.getHeader("content-type") === "text/event-stream";
      if (url === undefined || streamed) return;
      this.#requests.observe(
        { method: request.method, route: url, status: String(reply.statusCode) },
        reply.elapsedTime / 1_000,
      );
    });
  }

  async render(): Promise<{ contentType: string; text: string }> {
    const { registry, runner, operations } = this.#deps;
    const [queues, workers, workspaces] = await Promise.all([
      operations.queues(),
      operations.workers(),
      operations.activeTasksByWorkspace(),
    ]);
    for (const { priority, waiting, admitted, running } of queues.items) {
      runner.queueDepth(priority, "queued", waiting);
      runner.queueDepth(priority, "admitted", admitted);
      runner.queueDepth(priority, "running", running);
    }
    this.#heartbeatAge.reset();
    for (const { workerId, heartbeatAgeSeconds } of workers) {
      this.#heartbeatAge.set({ worker: workerId }, heartbeatAgeSeconds);
    }
    this.#activeByWorkspace.reset();
    for (const { workspaceId, activeTasks } of workspaces) {
      this.#activeByWorkspace.set({ workspace: workspaceId }, activeTasks);
    }
    return { contentType: registry.contentType, text: await registry.metrics() };
  }
}
