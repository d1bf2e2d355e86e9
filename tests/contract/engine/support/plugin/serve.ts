/** The provider plugin of the conformance suite: package `conf`, on the provider protocol itself. */
import * as grpc from "@grpc/grpc-js";
import pluginPb from "@pulumi/pulumi/proto/plugin_pb.js";
import providerGrpc from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import statusPb from "@pulumi/pulumi/proto/status_pb.js";
import anyPb from "google-protobuf/google/protobuf/any_pb.js";
import emptyPb from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import type { Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import { differences, plain, type Properties } from "./property.ts";
import { schema } from "./schema.ts";
import * as thing from "./thing.ts";

let region = "here";
let suffix = "";

const server = new grpc.Server();
server.addService(providerGrpc.ResourceProviderService, {
  getPluginInfo: unary(() => filled(new pluginPb.PluginInfo(), (info) => info.setVersion("1.2.3"))),
  getSchema: unary(() => filled(new pb.GetSchemaResponse(), (it) => it.setSchema(JSON.stringify(schema)))),
  checkConfig: unary((request: pb.CheckRequest) => {
    const news = read(request.getNews());
    return checked(news, news["region"] === "nowhere" ? { region: "there is no such region" } : {});
  }),
  diffConfig: unary((request: pb.DiffRequest) => {
    const changed = [...differences(plain(read(request.getOldInputs())), plain(read(request.getNews()))).keys()];
    return filled(new pb.DiffResponse(), (it) => {
      it.setChanges(changed.length > 0 ? pb.DiffResponse.DiffChanges.DIFF_SOME : pb.DiffResponse.DiffChanges.DIFF_NONE);
      it.setDiffsList(changed);
      it.setReplacesList(changed.filter((key) => key === "region"));
    });
  }),
  configure: unary((request: pb.ConfigureRequest) => {
    const config = plain(read(request.getArgs())) as Properties;
    if (config["refuse"] === "configure") throw new Error("the credentials are not accepted");
    if (typeof config["region"] === "string") region = config["region"];
    if (typeof config["suffix"] === "string") suffix = config["suffix"];
    return filled(new pb.ConfigureResponse(), (it) => {
      it.setAcceptsecrets(true);
      it.setAcceptresources(true);
      it.setSupportspreview(true);
    });
  }),
  check: unary((request: pb.CheckRequest) => {
    const news = { n: 1, ...read(request.getNews()) };
    refuse("check", news);
    const { n } = plain(news) as Properties;
    return checked(news, typeof n === "number" && n < 0 ? { n: "n must not be negative" } : {});
  }),
  diff: unary((request: pb.DiffRequest) => {
    const news = read(request.getNews());
    refuse("diff", news);
    return diffOf(read(request.getOldInputs()), news);
  }),
  create: unary(create),
  update: unary(update),
  delete: unary((request: pb.DeleteRequest) => {
    const inputs = read(request.getOldInputs());
    refuse("delete", inputs);
    thing.note(`delete ${request.getId()}${within(request.getTimeout())}`);
    thing.remove(request.getId());
    return new emptyPb.Empty();
  }),
  read: unary((request: pb.ReadRequest) => {
    refuse("read", read(request.getInputs()));
    const found = thing.find(request.getId());
    if (found?.["refuse"] === "read") refuse("read", found);
    return filled(new pb.ReadResponse(), (it) => {
      if (found === undefined) return;
      it.setId(request.getId());
      it.setInputs(struct(found));
      it.setProperties(struct(thing.outputsOf(found, addressOf(request.getId()))));
      if (found["sick"] === "read") throw unhealthy(request.getId(), it.getProperties(), found);
    });
  }),
  invoke: unary((request: pb.InvokeRequest) => {
    const args = read(request.getArgs());
    return filled(new pb.InvokeResponse(), (it) => {
      if (request.getTok() === "conf:index:refuse") {
        it.addFailures(failure("size", "size is too large"));
        return;
      }
      if (request.getTok() !== "conf:index:echo") throw new Error(`there is no function ${request.getTok()}`);
      thing.note("invoke echo");
      it.setReturn(struct({ ...args, region }));
    });
  }),
  call: unary((request: pb.CallRequest) => {
    const args = read(request.getArgs());
    const self = args["__self__"] as Properties;
    const found = thing.find(String(self["id"])) ?? {};
    return filled(new pb.CallResponse(), (it) => {
      it.setReturn(struct({ result: Number(found["n"]) * Number(args["by"]) }));
    });
  }),
  cancel: unary(() => new emptyPb.Empty()),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(String(port));
});

async function create(request: pb.CreateRequest): Promise<pb.CreateResponse> {
  const inputs = read(request.getProperties());
  const response = new pb.CreateResponse();
  if (request.getPreview())
    return filled(response, (it) => it.setProperties(struct(thing.outputsOf(inputs, undefined))));
  refuse("create", inputs);
  if (typeof inputs["meet"] === "number") await thing.meet(inputs["meet"]);
  const id = thing.takeId(nameOf(request.getUrn()) + suffix, inputs);
  thing.note(`create ${id}${within(request.getTimeout())}`);
  response.setId(id);
  response.setProperties(struct(thing.outputsOf(inputs, addressOf(id))));
  if (inputs["sick"] === "create") throw unhealthy(id, response.getProperties(), inputs);
  return response;
}

function update(request: pb.UpdateRequest): pb.UpdateResponse {
  const inputs = read(request.getNews());
  const response = new pb.UpdateResponse();
  response.setProperties(struct(thing.outputsOf(inputs, addressOf(request.getId()))));
  if (request.getPreview()) return response;
  refuse("update", inputs);
  thing.note(`update ${request.getId()}${within(request.getTimeout())}`);
  thing.write(request.getId(), inputs);
  if (inputs["sick"] === "update") throw unhealthy(request.getId(), response.getProperties(), inputs);
  return response;
}

function diffOf(before: Properties, after: Properties): pb.DiffResponse {
  const found = differences(plain(thing.substance(before)), plain(thing.substance(after)));
  const response = new pb.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
  response.setChanges(found.size === 0 ? DIFF_NONE : DIFF_SOME);
  response.setHasdetaileddiff(true);
  response.setDeletebeforereplace(after["dbr"] === true);
  for (const [path, kind] of found) {
    const property = path.split(/[.[]/)[0] ?? path;
    if (!response.getDiffsList().includes(property)) response.addDiffs(property);
    const replaces = property === "key";
    if (replaces) response.setReplacesList(["key"]);
    response.getDetaileddiffMap().set(
      path,
      filled(new pb.PropertyDiff(), (it) => {
        it.setKind(kindOf(kind, replaces));
        it.setInputdiff(true);
      }),
    );
  }
  return response;
}

function kindOf(kind: "ADD" | "DELETE" | "UPDATE", replaces: boolean): pb.PropertyDiff.Kind {
  const { Kind } = pb.PropertyDiff;
  if (kind === "ADD") return replaces ? Kind.ADD_REPLACE : Kind.ADD;
  if (kind === "DELETE") return replaces ? Kind.DELETE_REPLACE : Kind.DELETE;
  return replaces ? Kind.UPDATE_REPLACE : Kind.UPDATE;
}

/** Fails the request, or ends the process, when the thing's inputs say so. */
function refuse(verb: string, inputs: Properties): void {
  if (inputs["crash"] === verb) process.exit(3);
  if (inputs["refuse"] === verb) throw new Error(`${verb} refused`);
}

function unhealthy(id: string, properties: Struct | undefined, inputs: Properties): Error {
  const detail = new pb.ErrorResourceInitFailed();
  detail.setId(id);
  detail.setProperties(properties);
  detail.setInputs(struct(inputs));
  detail.setReasonsList(["it does not answer"]);
  const any = new anyPb.Any();
  any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
  const status = new statusPb.Status();
  status.setCode(grpc.status.UNKNOWN);
  status.setMessage("the thing is not healthy");
  status.addDetails(any);
  const metadata = new grpc.Metadata();
  metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
  return Object.assign(new Error("the thing is not healthy"), { metadata });
}

function checked(news: Properties, failures: Record<string, string>): pb.CheckResponse {
  return filled(new pb.CheckResponse(), (it) => {
    it.setInputs(struct(news));
    for (const [property, reason] of Object.entries(failures)) it.addFailures(failure(property, reason));
  });
}

function failure(property: string, reason: string): pb.CheckFailure {
  return filled(new pb.CheckFailure(), (it) => {
    it.setProperty(property);
    it.setReason(reason);
  });
}

function addressOf(id: string): string {
  return `conf://${region}/${id}`;
}

function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

function within(timeoutSeconds: number): string {
  return timeoutSeconds === 0 ? "" : ` within ${timeoutSeconds} s`;
}

function read(properties: Struct | undefined): Properties {
  return properties?.toJavaScript() ?? {};
}

function struct(properties: Properties): Struct {
  // an undefined value has no place in a Struct
  return structPb.Struct.fromJavaScript(
    JSON.parse(JSON.stringify(properties)) as Parameters<typeof structPb.Struct.fromJavaScript>[0],
  );
}

function filled<Message>(message: Message, fill: (message: Message) => unknown): Message {
  fill(message);
  return message;
}

function unary<Request, Response>(handle: (request: Request) => Response | Promise<Response>) {
  return (call: grpc.ServerUnaryCall<Request, Response>, callback: grpc.sendUnaryData<Response>): void => {
    void (async () => {
      try {
        callback(null, await handle(call.request));
      } catch (error) {
        const { message, metadata } = error as Error & { metadata?: grpc.Metadata };
        callback({ code: grpc.status.UNKNOWN, details: message, ...(metadata && { metadata }) });
      }
    })();
  };
}
