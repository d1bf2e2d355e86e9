import type { Socket } from "node:net";
import type { Logger } from "pino";
import type { TaskIdentity } from "../runtime/task-token.ts";
import type { GatewayMetrics } from "./metrics.ts";
import { EgressRefusedError } from "./refusals.ts";
import type { EgressTarget } from "./target.ts";

/** `git`: with a credential that the gateway adds. */
type ExchangeKind = "connect" | "http" | "git";

/**
 * One request of a sandbox, on its way through the gateway: gathers what the log says of it. Never holds a header, a
 * body or a path: they may carry what is secret to the workspace.
 */
export class Exchange {
  readonly #kind: ExchangeKind;
  readonly #log: Logger;
  readonly #metrics: GatewayMetrics;
  #startedMs = performance.now();
  #ended = false;
  identity: TaskIdentity | undefined;
  target: EgressTarget | undefined;
  /** Where the name leads, as far as that is known. */
  addresses: readonly string[] = [];

  constructor(kind: ExchangeKind, deps: { readonly log: Logger; readonly metrics: GatewayMetrics }) {
    this.#kind = kind;
    this.#log = deps.log;
    this.#metrics = deps.metrics;
  }

  /** The request goes to `upstream`; what passes over that connection is counted when it closes. */
  allowed(upstream: Socket): void {
    const address = upstream.remoteAddress;
    this.addresses = address === undefined ? this.addresses : [address];
    this.#startedMs = performance.now();
    this.#metrics.decisions.inc({ decision: "allow", reason: "listed" });
    this.#log.info({ event: "egress_allowed", ...this.#fields(), decision: "allow" }, "egress allowed");
    upstream.once("close", () => {
      const durationMs = Math.round(performance.now() - this.#startedMs);
      const [sentBytes, receivedBytes] = [upstream.bytesWritten, upstream.bytesRead];
      this.#metrics.bytes.inc({ direction: "sent" }, sentBytes);
      this.#metrics.bytes.inc({ direction: "received" }, receivedBytes);
      this.#metrics.durationSeconds.observe({ kind: this.#kind }, durationMs / 1_000);
      this.#log.info(
        { event: "egress_closed", ...this.#fields(), sentBytes, receivedBytes, durationMs },
        "egress closed",
      );
    });
  }

  /** The request is answered with `error`; anything but an EgressRefusedError is a fault of the gateway itself. */
  refused(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const reason = error instanceof EgressRefusedError ? error.code.toLowerCase() : "internal";
    // What was allowed and then did not work is no refusal by rule.
    const decision = error instanceof EgressRefusedError && error.status < 500 ? "refuse" : "fail";
    this.#metrics.decisions.inc({ decision, reason });
    const durationMs = Math.round(performance.now() - this.#startedMs);
    const fields = { event: "egress_refused", ...this.#fields(), decision, reason, durationMs };
    if (error instanceof EgressRefusedError) this.#log.warn({ ...fields, detail: error.message }, "egress refused");
    else this.#log.error({ ...fields, err: error }, "egress refused");
  }

  #fields(): Record<string, unknown> {
    return {
      workspaceId: this.identity?.workspaceId,
      taskId: this.identity?.taskId,
      kind: this.#kind,
      host: this.target?.host,
      port: this.target?.port,
      address: this.addresses.length === 0 ? undefined : this.addresses.join(","),
    };
  }
}
