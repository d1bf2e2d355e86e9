/** The connection to a plugin that runs. */
import * as grpc from "@grpc/grpc-js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import type { ParameterizeResponse, ProviderHandshakeResponse } from "@pulumi/pulumi/proto/provider_pb.js";
import { messageOf, PluginCrashedError, PluginStartError } from "../errors.ts";
import { call, CHANNEL_OPTIONS } from "../protocol/grpc.ts";
import { RpcError } from "../protocol/rpc-error.ts";
import { isUnimplemented } from "./answers.ts";
import { describeEnd } from "./plugin.ts";
import type { PluginProcess } from "./plugin.ts";
import type { Parameterization } from "./provider-inputs.ts";

type Client = providerGrpc.ResourceProviderClient;
type Done<Response> = (error: grpc.ServiceError | null, response: Response) => void;

/** As long as Pulumi waits for a plugin to answer its first call. */
const CONNECT_MS = 10_000;
/** How long after a broken connection its process may take to be seen to have ended. */
const END_SEEN_MS = 1_000;

const CONNECTION_ERRORS: ReadonlySet<grpc.status> = new Set([
  grpc.status.UNAVAILABLE,
  grpc.status.CANCELLED,
  grpc.status.INTERNAL,
]);

export class PluginClient {
  readonly #process: PluginProcess;
  readonly #client: Client;
  #isClosed = false;

  constructor(process: PluginProcess) {
    this.#process = process;
    this.#client = new providerGrpc.ResourceProviderClient(
      process.address,
      grpc.credentials.createInsecure(),
      CHANNEL_OPTIONS,
    );
  }

  /** @throws RpcError; PluginCrashedError when the plugin ended before it answered. */
  async ask<Response>(start: (client: Client, done: Done<Response>) => unknown): Promise<Response> {
    try {
      return await call<Response>((done) => start(this.#client, done));
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  /**
   * Tells the plugin where it is and what the engine can do. Undefined for a plugin of the time before there was that.
   * @throws PluginStartError when it does not answer, or refuses.
   */
  async handshake(engineAddress: string): Promise<ProviderHandshakeResponse | undefined> {
    const request = new providerPb.ProviderHandshakeRequest();
    request.setEngineAddress(engineAddress);
    request.setRootDirectory(this.#process.folder);
    request.setProgramDirectory(this.#process.folder);
    request.setConfigureWithUrn(true);
    request.setSupportsRefreshBeforeUpdate(true);
    request.setInvokeWithPreview(true);
    const options = { deadline: Date.now() + CONNECT_MS };
    const metadata = new grpc.Metadata({ waitForReady: true });
    try {
      return await this.ask<ProviderHandshakeResponse>((client, done) =>
        client.handshake(request, metadata, options, done),
      );
    } catch (error) {
      if (isUnimplemented(error)) return undefined;
      throw new PluginStartError(this.#process.name, `it did not shake hands: ${messageOf(error)}`);
    }
  }

  /** @throws Error when the plugin makes another package of the parameter than it should. */
  async parameterize(parameterization: Parameterization): Promise<void> {
    const { name, version, value } = parameterization;
    const parameters = new providerPb.ParameterizeRequest.ParametersValue();
    parameters.setName(name);
    parameters.setVersion(version);
    parameters.setValue(value);
    const request = new providerPb.ParameterizeRequest();
    request.setValue(parameters);
    const response = await this.ask<ParameterizeResponse>((client, done) => client.parameterize(request, done));
    if (response.getName() !== name)
      throw new Error(
        `parameterize response name ${JSON.stringify(response.getName())} does not match expected package ${JSON.stringify(name)}`,
      );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#client.close();
    await this.#process.child.stop();
  }

  async #explained(error: unknown): Promise<unknown> {
    if (this.#isClosed || !(error instanceof RpcError) || !CONNECTION_ERRORS.has(error.code)) return error;
    const { child, name, lastLines } = this.#process;
    const waited = new Promise<undefined>((resolve) => setTimeout(resolve, END_SEEN_MS, undefined).unref());
    const end = await Promise.race([child.ended.catch(() => undefined), waited]);
    return end === undefined ? error : new PluginCrashedError(name, describeEnd(end), lastLines);
  }
}
