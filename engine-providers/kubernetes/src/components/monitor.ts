/** What a component registers with the engine: itself, and its objects as its children. */
import * as grpc from "@grpc/grpc-js";
import { marshalProperties } from "@automatos/engine/property";
import type { PropertyMap } from "@automatos/provider-plugin";
import type { ConstructRequest } from "@pulumi/pulumi/proto/provider_pb.js";
import resourceGrpc from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import type { ResourceMonitorClient } from "@pulumi/pulumi/proto/resource_grpc_pb.js";
import resourcePb from "@pulumi/pulumi/proto/resource_pb.js";
import type * as pb from "@pulumi/pulumi/proto/resource_pb.js";

const MAX_MESSAGE_BYTES = 400 * 1024 * 1024;
const WIRE = { keepUnknowns: true, keepSecrets: true, keepResources: true };

export interface ChildOptions {
  readonly type: string;
  readonly name: string;
  readonly inputs: PropertyMap;
  /** URNs. */
  readonly dependsOn: readonly string[];
  readonly retainOnDelete: boolean;
  readonly additionalSecretOutputs: readonly string[];
}

export class ComponentMonitor {
  /** Of the component. */
  readonly urn: string;
  readonly #client: ResourceMonitorClient;
  readonly #request: ConstructRequest;

  private constructor(client: ResourceMonitorClient, request: ConstructRequest, urn: string) {
    this.#client = client;
    this.#request = request;
    this.urn = urn;
  }

  /** Registers the component. */
  static async begin(request: ConstructRequest): Promise<ComponentMonitor> {
    const client = new resourceGrpc.ResourceMonitorClient(
      request.getMonitorendpoint(),
      grpc.credentials.createInsecure(),
      {
        "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
        "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      },
    );
    const registration = new resourcePb.RegisterResourceRequest();
    registration.setType(request.getType());
    registration.setName(request.getName());
    registration.setParent(request.getParent());
    registration.setCustom(false);
    registration.setObject(marshalProperties({}, WIRE));
    registration.setDependenciesList(request.getDependenciesList());
    registration.setAliasesList(request.getAliasesList());
    registration.setAliasspecs(true);
    if (request.hasProtect()) registration.setProtect(request.getProtect() ?? false);
    request.getProvidersMap().forEach((reference, name) => registration.getProvidersMap().set(name, reference));
    registration.setAcceptsecrets(true);
    registration.setAcceptresources(true);
    const { urn } = await register(client, registration);
    return new ComponentMonitor(client, request, urn);
  }

  /** @returns with an empty id at a preview. */
  async child(options: ChildOptions): Promise<{ readonly urn: string; readonly id: string }> {
    const request = new resourcePb.RegisterResourceRequest();
    request.setType(options.type);
    request.setName(options.name);
    request.setParent(this.urn);
    request.setCustom(true);
    request.setObject(marshalProperties(options.inputs, WIRE));
    request.setDependenciesList([...options.dependsOn]);
    request.setProvider(this.#request.getProvidersMap().get("kubernetes") ?? "");
    request.setAdditionalsecretoutputsList([...options.additionalSecretOutputs]);
    if (options.retainOnDelete || this.#request.getRetainondelete()) request.setRetainondelete(true);
    if (this.#request.hasProtect()) request.setProtect(this.#request.getProtect() ?? false);
    request.setAcceptsecrets(true);
    request.setAcceptresources(true);
    request.setSupportspartialvalues(true);
    request.setAliasspecs(true);
    return register(this.#client, request);
  }

  async outputs(outputs: PropertyMap): Promise<void> {
    const request = new resourcePb.RegisterResourceOutputsRequest();
    request.setUrn(this.urn);
    request.setOutputs(marshalProperties(outputs, WIRE));
    await new Promise<void>((resolve, reject) => {
      this.#client.registerResourceOutputs(request, (error) => {
        if (error) reject(toldBy(error));
        else resolve();
      });
    });
  }

  close(): void {
    this.#client.close();
  }
}

function register(
  client: ResourceMonitorClient,
  request: pb.RegisterResourceRequest,
): Promise<{ readonly urn: string; readonly id: string }> {
  return new Promise((resolve, reject) => {
    client.registerResource(request, (error, response) => {
      if (error) reject(toldBy(error));
      else resolve({ urn: response.getUrn(), id: response.getId() });
    });
  });
}

/** The words alone, without gRPC's. */
function toldBy(error: grpc.ServiceError): Error {
  return new Error(error.details || error.message, { cause: error });
}
