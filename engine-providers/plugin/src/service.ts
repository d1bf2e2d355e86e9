/** Pulumi's provider service, answered by a {@link Provider}. */
import type * as grpc from "@grpc/grpc-js";
import { emptyPb } from "@automatos/engine/property";
import type { PropertyMap } from "@automatos/engine/property";
import type providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import providerPb from "@pulumi/pulumi/proto/provider_pb.js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import type * as pb from "@pulumi/pulumi/proto/provider_pb.js";
import type { Engine } from "./engine.ts";
import { diffToWire, failuresToWire, fromStruct, statusOf, toStruct } from "./messages.ts";
import type { CheckRequest, Checked, DiffRequest, Provider, ResourceIdentity } from "./provider.ts";

export function serviceOf(provider: Provider, engine: Engine): providerGrpc.IResourceProviderServer {
  const cancelled = new AbortController();
  const { signal } = cancelled;
  const service: Partial<providerGrpc.IResourceProviderServer> = {
    handshake: unary(() => {
      const response = new providerPb.ProviderHandshakeResponse();
      response.setAcceptSecrets(true);
      response.setAcceptResources(true);
      return response;
    }),
    getPluginInfo: unary(() => {
      const response = new pluginPb.PluginInfo();
      response.setVersion(provider.version);
      return response;
    }),
    getSchema: unary(() => {
      const response = new providerPb.GetSchemaResponse();
      response.setSchema(provider.getSchema?.() ?? "{}");
      return response;
    }),
    checkConfig: unary(async (request: pb.CheckRequest) => {
      const query = checkRequest(request);
      return checkResponse((await provider.checkConfig?.(query)) ?? { inputs: query.inputs });
    }),
    diffConfig: unary(async (request: pb.DiffRequest) =>
      // says by itself that the plugin does not know, whereupon the engine compares
      provider.diffConfig === undefined
        ? new providerPb.DiffResponse()
        : diffToWire(await provider.diffConfig(diffRequest(request))),
    ),
    configure: unary(async (request: pb.ConfigureRequest) => {
      await provider.configure?.({ config: configOf(request), engine });
      const response = new providerPb.ConfigureResponse();
      response.setAcceptsecrets(true);
      response.setAcceptresources(true);
      response.setSupportspreview(true);
      return response;
    }),
    check: unary(async (request: pb.CheckRequest) => checkResponse(await provider.check(checkRequest(request)))),
    diff: unary(async (request: pb.DiffRequest) => diffToWire(await provider.diff(diffRequest(request)))),
    create: unary(async (request: pb.CreateRequest) => {
      const { id, outputs } = await provider.create({
        ...identityOf(request),
        inputs: fromStruct(request.getProperties()),
        preview: request.getPreview(),
        timeoutSeconds: request.getTimeout(),
        signal,
      });
      const response = new providerPb.CreateResponse();
      response.setId(id);
      response.setProperties(toStruct(outputs));
      return response;
    }),
    update: unary(async (request: pb.UpdateRequest) => {
      const outputs = await provider.update({
        ...identityOf(request),
        id: request.getId(),
        oldInputs: fromStruct(request.getOldInputs()),
        oldOutputs: fromStruct(request.getOlds()),
        inputs: fromStruct(request.getNews()),
        preview: request.getPreview(),
        ignoreChanges: request.getIgnorechangesList(),
        timeoutSeconds: request.getTimeout(),
        signal,
      });
      const response = new providerPb.UpdateResponse();
      response.setProperties(toStruct(outputs));
      return response;
    }),
    read: unary(async (request: pb.ReadRequest) => {
      const inputs = request.getInputs();
      const read = await provider.read({
        ...identityOf(request),
        id: request.getId(),
        outputs: fromStruct(request.getProperties()),
        inputs: inputs && fromStruct(inputs),
        signal,
      });
      const response = new providerPb.ReadResponse();
      if (read === undefined) return response;
      response.setId(read.id);
      response.setProperties(toStruct(read.outputs));
      response.setInputs(toStruct(read.inputs));
      return response;
    }),
    delete: unary(async (request: pb.DeleteRequest) => {
      await provider.delete({
        ...identityOf(request),
        id: request.getId(),
        inputs: fromStruct(request.getOldInputs()),
        outputs: fromStruct(request.getProperties()),
        timeoutSeconds: request.getTimeout(),
        signal,
      });
      return new emptyPb.Empty();
    }),
    cancel: unary(() => {
      cancelled.abort(new Error("the update was cancelled"));
      return new emptyPb.Empty();
    }),
  };
  const invoke = provider.invoke?.bind(provider);
  const construct = provider.construct?.bind(provider);
  const call = provider.call?.bind(provider);
  if (invoke) {
    service.invoke = unary(async (request: pb.InvokeRequest) => {
      const query = {
        token: request.getTok(),
        args: fromStruct(request.getArgs()),
        preview: request.getPreview(),
        signal,
      };
      const { result, failures } = await invoke(query);
      const response = new providerPb.InvokeResponse();
      response.setReturn(toStruct(result));
      response.setFailuresList(failuresToWire(failures));
      return response;
    });
  }
  if (construct) service.construct = unary((request: pb.ConstructRequest) => construct(request));
  if (call) service.call = unary((request: pb.CallRequest) => call(request));
  // What is left out is answered with UNIMPLEMENTED, by which an engine knows that it need not ask.
  return service as providerGrpc.IResourceProviderServer;
}

function unary<Request, Response>(
  handle: (request: Request) => Promise<Response> | Response,
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    Promise.resolve()
      .then(() => handle(call.request))
      .then(
        (response) => callback(null, response),
        (error: unknown) => callback(statusOf(error)),
      );
  };
}

/** Engines of before 3.90 send the URN alone. */
function identityOf(request: { getUrn(): string; getType(): string; getName(): string }): ResourceIdentity {
  const urn = request.getUrn();
  const parts = urn.split("::");
  return {
    urn,
    type: request.getType() || (parts[2]?.split("$").at(-1) ?? ""),
    name: request.getName() || parts.slice(3).join("::"),
  };
}

function checkRequest(request: pb.CheckRequest): CheckRequest {
  const olds = request.getOlds();
  const oldInputs = olds && fromStruct(olds);
  return {
    ...identityOf(request),
    // A resource that is new comes with no old inputs or with empty ones, by engine.
    oldInputs: oldInputs && Object.keys(oldInputs).length > 0 ? oldInputs : undefined,
    inputs: fromStruct(request.getNews()),
    randomSeed: request.getRandomseed_asU8(),
  };
}

function checkResponse({ inputs, failures }: Checked): pb.CheckResponse {
  const response = new providerPb.CheckResponse();
  response.setInputs(toStruct(inputs));
  response.setFailuresList(failuresToWire(failures));
  return response;
}

function diffRequest(request: pb.DiffRequest): DiffRequest {
  return {
    ...identityOf(request),
    id: request.getId(),
    oldInputs: fromStruct(request.getOldInputs()),
    oldOutputs: fromStruct(request.getOlds()),
    inputs: fromStruct(request.getNews()),
    ignoreChanges: request.getIgnorechangesList(),
  };
}

/** The values as such where the engine sends them, else the strings that older engines send. */
function configOf(request: pb.ConfigureRequest): PropertyMap {
  const args = request.getArgs();
  if (args) return fromStruct(args);
  const config: Record<string, string> = {};
  request.getVariablesMap().forEach((value, key) => {
    config[key.replace(/^[^:]+:config:/, "")] = value;
  });
  return config;
}
