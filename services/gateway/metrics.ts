import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What the gateway counts. Workspaces are in the log: as labels they would be too many. */
export interface GatewayMetrics {
  readonly decisions: Counter<"decision" | "reason">;
  readonly bytes: Counter<"direction">;
  readonly durationSeconds: Histogram<"kind">;
}

export function createGatewayMetrics(registry: Registry, openConnections: () => number): GatewayMetrics {
  const registers = [registry];
  new Gauge({
    name: "automatos_gateway_open_connections",
    help: "Connections of sandboxes that are open now.",
    registers,
    collect() {
      this.set(openConnections());
    },
  });
  return {
    decisions: new Counter({
      name: "automatos_gateway_decisions_total",
      help: "Requests of sandboxes, by decision and, where refused, the reason.",
      labelNames: ["decision", "reason"],
      registers,
    }),
    bytes: new Counter({
      name: "automatos_gateway_bytes_total",
      help: "Bytes passed on: sent to servers and received from them.",
      labelNames: ["direction"],
      registers,
    }),
    durationSeconds: new Histogram({
      name: "automatos_gateway_duration_seconds",
      help: "How long requests that were let through took, from the decision to the last byte.",
      labelNames: ["kind"],
      buckets: [0.01, 0.05, 0.25, 1, 5, 30, 120, 600],
      registers,
    }),
  };
}
