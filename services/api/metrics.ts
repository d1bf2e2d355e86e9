import type { FastifyInstance } from "fastify";
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import type { TaskStatus } from "../../contracts/task.ts";
import type { EventStreams } from "./event-streams.ts";
import type { Operations } from "./operations.ts";

export interface ApiMetrics {
  countSubmission(task: TaskStatus): void;
  /** In Prometheus' text format. What the record knows is read from it at each scrape. */
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Measures every request of the app. */
  observe(app: FastifyInstance): void;
}

/** The API's metrics. Names and labels are stated in the architecture; what a task cost is counted by its worker. */
export class PrometheusMetrics implements ApiMetrics {
  readonly #registry = new Registry();
  readonly #operations: Operations;
  readonly #submitted: Counter<"workspace" | "task_type" | "priority">;
  readonly #requests: Histogram<"method" | "route" | "status">;
  readonly #depth: Gauge<"queue" | "priority">;
  readonly #activeByWorker: Gauge<"worker">;
  readonly #heartbeatAge: Gauge<"worker">;
  readonly #activeByWorkspace: Gauge<"workspace">;

  constructor(deps: { readonly operations: Operations; readonly streams: EventStreams }) {
    this.#operations = deps.operations;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#submitted = new Counter({
      name: "automatos_task_submitted_total",
      help: "Submissions that this process acknowledged.",
      labelNames: ["workspace", "task_type", "priority"],
      registers,
    });
    this.#requests = new Histogram({
      name: "automatos_http_request_duration_seconds",
      help: "Time to answer, streams excluded.",
      labelNames: ["method", "route", "status"],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
      registers,
    });
    this.#depth = gauge(
      "automatos_task_queue_depth",
      "Tasks that wait to be started.",
      ["queue", "priority"],
      registers,
    );
    this.#activeByWorker = gauge("automatos_worker_active_tasks", "Tasks that a worker runs.", ["worker"], registers);
    this.#heartbeatAge = gauge(
      "automatos_worker_heartbeat_age",
      "Seconds since a worker was last heard of.",
      ["worker"],
      registers,
    );
    this.#activeByWorkspace = gauge(
      "automatos_workspace_active_tasks",
      "Tasks that a workspace has running; workspaces without any are left out.",
      ["workspace"],
      registers,
    );
    new Gauge({
      name: "automatos_event_streams",
      help: "Event and log streams that this process serves.",
      registers,
      collect() {
        this.set(deps.streams.count);
      },
    });
  }

  countSubmission({ workspaceId, taskType, priority }: TaskStatus): void {
    this.#submitted.inc({ workspace: workspaceId, task_type: taskType, priority });
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
    const [queues, workers, workspaces] = await Promise.all([
      this.#operations.queues(),
      this.#operations.workers(),
      this.#operations.activeTasksByWorkspace(),
    ]);
    for (const { queue, priority, waiting, admitted } of queues.items) {
      this.#depth.set({ queue, priority }, waiting + admitted);
    }
    for (const labelled of [this.#activeByWorker, this.#heartbeatAge, this.#activeByWorkspace]) labelled.reset();
    for (const { workerId, activeTasks, heartbeatAgeSeconds } of workers) {
      this.#activeByWorker.set({ worker: workerId }, activeTasks);
      this.#heartbeatAge.set({ worker: workerId }, heartbeatAgeSeconds);
    }
    for (const { workspaceId, activeTasks } of workspaces) {
      this.#activeByWorkspace.set({ workspace: workspaceId }, activeTasks);
    }
    return { contentType: this.#registry.contentType, text: await this.#registry.metrics() };
  }
}

const gauge = <Label extends string>(name: string, help: string, labelNames: Label[], registers: Registry[]) =>
  new Gauge<Label>({ name, help, labelNames, registers });
