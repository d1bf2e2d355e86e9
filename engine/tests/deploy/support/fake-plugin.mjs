#!/usr/bin/env node
// A provider plugin for tests: it takes secrets, previews, tells details of differences, and writes what it is asked.
import { createRequire } from "node:module";
import { appendFileSync } from "node:fs";
const require = createRequire(import.meta.url);
const grpc = require("@grpc/grpc-js");
const service = require("@pulumi/pulumi/proto/provider_grpc_pb");
const pb = require("@pulumi/pulumi/proto/provider_pb");
const pluginPb = require("@pulumi/pulumi/proto/plugin_pb");
const { Empty } = require("google-protobuf/google/protobuf/empty_pb");
const { Struct } = require("google-protobuf/google/protobuf/struct_pb");

let prefix = "";
const note = (line) => appendFileSync(process.env.FAKE_LEDGER, `${line}\n`);
const js = (struct) => struct?.toJavaScript() ?? {};
const unary = (handle) => (call, callback) => {
  try {
    callback(null, handle(call.request));
  } catch (error) {
    callback({ code: grpc.status.UNKNOWN, details: error.message });
  }
};
const answer = (Response, fields) => {
  const response = new Response();
  for (const [setter, value] of Object.entries(fields)) response[setter](value);
  return response;
};

const server = new grpc.Server();
server.addService(service.ResourceProviderService, {
  getPluginInfo: unary(() => answer(pluginPb.PluginInfo, { setVersion: "1.2.3" })),
  checkConfig: unary((request) => answer(pb.CheckResponse, { setInputs: request.getNews() })),
  diffConfig: unary((request) => {
    const [olds, news] = [js(request.getOldInputs()), js(request.getNews())];
    return answer(pb.DiffResponse, {
      setChanges: JSON.stringify(olds) === JSON.stringify(news) ? 1 : 2,
      setReplacesList: olds.region === news.region ? [] : ["region"],
    });
  }),
  configure: unary((request) => {
    const { prefix: configured, region } = js(request.getArgs());
    prefix = configured ?? "";
    note(`configure ${prefix} ${region ?? ""}`.trim());
    return answer(pb.ConfigureResponse, {
      setAcceptsecrets: true,
      setAcceptresources: true,
      setSupportspreview: true,
    });
  }),
  check: unary((request) => answer(pb.CheckResponse, { setInputs: request.getNews() })),
  diff: unary((request) => {
    const [olds, news] = [js(request.getOldInputs()), js(request.getNews())];
    const response = new pb.DiffResponse();
    const changed = Object.keys({ ...olds, ...news }).filter(
      (key) => JSON.stringify(olds[key]) !== JSON.stringify(news[key]),
    );
    response.setChanges(changed.length === 0 ? 1 : 2);
    response.setDiffsList(changed);
    response.setHasdetaileddiff(true);
    for (const key of changed) {
      const entry = new pb.PropertyDiff();
      entry.setKind(pb.PropertyDiff.Kind[key === "name" ? "UPDATE_REPLACE" : "UPDATE"]);
      response.getDetaileddiffMap().set(key, entry);
    }
    return response;
  }),
  create: unary((request) => {
    const inputs = js(request.getProperties());
    if (!request.getPreview()) note(`create ${prefix}${inputs.name}`);
    return answer(pb.CreateResponse, {
      setId: request.getPreview() ? "" : `${prefix}${inputs.name}`,
      setProperties: Struct.fromJavaScript({
        ...inputs,
        full: request.getPreview() ? "previewed" : prefix + inputs.name,
      }),
    });
  }),
  update: unary((request) => {
    const inputs = js(request.getNews());
    if (!request.getPreview()) note(`update ${request.getId()}`);
    return answer(pb.UpdateResponse, {
      setProperties: Struct.fromJavaScript({ ...inputs, full: prefix + inputs.name }),
    });
  }),
  delete: unary((request) => {
    note(`delete ${request.getId()}`);
    return new Empty();
  }),
  // what was never made has an id that says so
  read: unary((request) =>
    request.getId().startsWith("missing")
      ? new pb.ReadResponse()
      : answer(pb.ReadResponse, {
          setId: request.getId(),
          setProperties: Struct.fromJavaScript({ name: request.getId(), size: 1, full: request.getId() }),
          setInputs: Struct.fromJavaScript({ name: request.getId(), size: 1 }),
        }),
  ),
  invoke: unary((request) =>
    answer(pb.InvokeResponse, { setReturn: Struct.fromJavaScript({ echo: js(request.getArgs()), by: prefix }) }),
  ),
  cancel: unary(() => new Empty()),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_error, port) => console.log(String(port)));
