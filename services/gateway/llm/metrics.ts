import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What is counted of calls of models. Workspaces are in the record and in the log: as labels they would be too many. */
export interface LlmMetrics {
  readonly tokens: Counter<"model" | "direction">;
  readonly calls: Counter<"model" | "provider" | "outcome">;
  readonly refusals: Counter<"reason">;
  readonly failures: Counter<"provider" | "reason">;
  readonly firstByteSeconds: Histogram<"model">;
  readonly durationSeconds: Histogram<"model">;
}

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export function createLlmMetrics(registry: Registry, callsUnderWay: () => number): LlmMetrics {
  const registers = [registry];
  new Gauge({
    name: "automatos_llm_calls_under_way",
    help: "Calls of models that have not ended.",
    registers,
    collect() {
      this.set(callsUnderWay());
    },
  });
  return {
    tokens: new Counter({
      name: "automatos_llm_tokens_total",
      help: "Tokens used, by direction: prompt or completion; estimated where a provider counted none.",
      labelNames: ["model", "direction"],
      registers,
    }),
    calls: new Counter({
      name: "automatos_llm_requests_total",
      help: "Calls of models that were let through, by who answered (none: nobody) and how they ended.",
      labelNames: ["model", "provider", "outcome"],
      registers,
    }),
    refusals: new Counter({
      name: "automatos_llm_refusals_total",
      help: "Calls of models that were answered with an error, budgets among the reasons.",
      labelNames: ["reason"],
      registers,
    }),
    failures: new Counter({
      name: "automatos_llm_provider_failures_total",
      help: "Attempts that a provider failed; most are tried again.",
      labelNames: ["provider", "reason"],
      registers,
    }),
    firstByteSeconds: new Histogram({
      name: "automatos_llm_first_byte_seconds",
      help: "From a call to the first byte of its answer, attempts that failed included.",
      labelNames: ["model"],
      buckets: SECONDS,
      registers,
    }),
    durationSeconds: new Histogram({
      name: "automatos_llm_duration_seconds",
      help: "From a call to the end of its answer.",
      labelNames: ["model"],
      buckets: SECONDS,
      registers,
    }),
  };
}
