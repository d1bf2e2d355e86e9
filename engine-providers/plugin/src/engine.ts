/** The engine, as a plugin sees it: somewhere to log to, and the reason to live. */
import * as grpc from "@grpc/grpc-js";
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";

export type Severity = "debug" | "info" | "warning" | "error";

const SEVERITIES = {
  debug: enginePb.LogSeverity.DEBUG,
  info: enginePb.LogSeverity.INFO,
  warning: enginePb.LogSeverity.WARNING,
  error: enginePb.LogSeverity.ERROR,
} as const;

export interface LogOptions {
  /** The resource that the message is about. */
  readonly urn?: string;
  /** Progress of the moment, replaced by the next and not kept. @default false */
  readonly ephemeral?: boolean;
}

export class Engine {
  /** `host:port` of the engine's service. */
  readonly address: string;
  readonly #client: engineGrpc.EngineClient;

  constructor(address: string) {
    this.address = address;
    this.#client = new engineGrpc.EngineClient(address, grpc.credentials.createInsecure(), {
      // An idle connection is no lost engine.
      "grpc.client_idle_timeout_ms": 24 * 60 * 60 * 1_000,
    });
  }

  /** Shows a message to the user. Never put a secret into it. Resolves also when the engine could not be reached. */
  log(severity: Severity, message: string, options: LogOptions = {}): Promise<void> {
    const request = new enginePb.LogRequest();
    request.setSeverity(SEVERITIES[severity]);
    request.setMessage(message);
    request.setUrn(options.urn ?? "");
    request.setEphemeral(options.ephemeral ?? false);
    return new Promise((resolve) => this.#client.log(request, () => resolve()));
  }

  /** Resolves when the engine was there and is gone: killed, or without a word to this plugin. */
  async gone(): Promise<void> {
    const channel = this.#client.getChannel();
    let wasReady = false;
    for (;;) {
      const state = channel.getConnectivityState(true);
      wasReady ||= state === grpc.connectivityState.READY;
      if (wasReady && state === grpc.connectivityState.TRANSIENT_FAILURE) return;
      await new Promise<void>((resolve) =>
        channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, () => resolve()),
      );
    }
  }
}
