import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { AgentTask, TaskPriority, TaskResult } from "../../contracts/task.ts";

/** What runners, consumers and the dispatcher count. The names are those of the operator's dashboards. */
export interface RunnerMetrics {
  submitted(task: AgentTask): void;
  /** `durationMs`: of the attempt that ended. */
  completed(task: AgentTask, status: TaskResult["status"], durationMs: number): void;
  activeTasks(workerId: string, count: number): void;
  queueDepth(priority: TaskPriority, state: "queued" | "admitted" | "running", count: number): void;
}

const DURATION_BUCKETS_SECONDS = [0.05, 0.1, 0.5, 1, 5, 15, 30, 60, 120, 300, 900, 1_800, 3_600];

export function createRunnerMetrics(registry: Registry): RunnerMetrics {
  const registers = [registry];
  const submitted = new Counter({
    name: "automatos_task_submitted_total",
    help: "Tasks accepted for the first time.",
    labelNames: ["workspace", "task_type", "priority"],
    registers,
  });
  const completed = new Counter({
    name: "automatos_task_completed_total",
    help: "Tasks that ended, by how they ended.",
    labelNames: ["workspace", "task_type", "status"],
    registers,
  });
  const duration = new Histogram({
    name: "automatos_task_duration_seconds",
    help: "From the start of the attempt that ended to its end.",
    labelNames: ["task_type", "status"],
    buckets: DURATION_BUCKETS_SECONDS,
    registers,
  });
  const depth = new Gauge({
    name: "automatos_task_queue_depth",
    help: "Tasks that have not ended: `queued` waits for a slot, `admitted` for a worker.",
    labelNames: ["queue", "priority"],
    registers,
  });
  const active = new Gauge({
    name: "automatos_worker_active_tasks",
    help: "Tasks that this worker runs.",
    labelNames: ["worker"],
    registers,
  });
  return {
    submitted: (task) => {
      submitted.inc({ workspace: task.workspaceId, task_type: task.taskType, priority: task.priority });
    },
    completed: (task, status, durationMs) => {
      completed.inc({ workspace: task.workspaceId, task_type: task.taskType, status });
      duration.observe({ task_type: task.taskType, status }, durationMs / 1_000);
    },
    activeTasks: (worker, count) => active.set({ worker }, count),
    queueDepth: (priority, queue, count) => depth.set({ queue, priority }, count),
  };
}
