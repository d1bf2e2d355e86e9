/** Pulumi's Engine service: what the SDK and plugins say in passing. */
import engineGrpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";
import * as grpc from "@grpc/grpc-js";
import type { Diagnostics } from "../diagnostics.ts";
import { UnsupportedError } from "../errors.ts";
import type { Severity } from "../events.ts";
import { listen, SERVER_OPTIONS, unary } from "./grpc.ts";
import { emptyPb } from "./protobuf.ts";

const SEVERITIES: readonly Severity[] = ["debug", "info", "warning", "error"];

export class EngineService {
  readonly #server = new grpc.Server(SERVER_OPTIONS);
  #rootUrn = "";

  /**
   * @param diagnostics Where messages go.
   * @param tellsDebug Whether those for who looks for a fault go there too: the SDK tells every move it makes.
   */
  constructor(diagnostics: Diagnostics, tellsDebug: boolean) {
    const service: engineGrpc.IEngineServer = {
      log: unary((request) => {
        const severity = SEVERITIES[request.getSeverity()] ?? "info";
        if (severity !== "debug" || tellsDebug) {
          diagnostics.log(severity, request.getUrn(), request.getMessage(), {
            streamId: request.getStreamid(),
            ephemeral: request.getEphemeral(),
          });
        }
        return new emptyPb.Empty();
      }),
      getRootResource: unary(() => {
        const response = new enginePb.GetRootResourceResponse();
        response.setUrn(this.#rootUrn);
        return response;
      }),
      setRootResource: unary((request) => {
        this.#rootUrn = request.getUrn();
        return new enginePb.SetRootResourceResponse();
      }),
      startDebugging: unary(() => {
        throw new UnsupportedError("attaching a debugger");
      }),
      // The range is of Pulumi's own versions, which this engine has none of.
      requirePulumiVersion: unary(() => new enginePb.RequirePulumiVersionResponse()),
    };
    this.#server.addService(engineGrpc.EngineService, service);
  }

  listen(): Promise<string> {
    return listen(this.#server);
  }

  close(): void {
    this.#server.forceShutdown();
  }
}
