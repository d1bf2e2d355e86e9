#!/usr/bin/env node
// A provider plugin that misbehaves: at its start as HOSTILE_START says, later as the input `does` of a resource.
import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);

const start = process.env.HOSTILE_START ?? "";
const never = setInterval(() => undefined, 1_000);
if (start === "exits") {
  console.error("the hostile plugin has no wish to start");
  process.exit(3);
}
if (start === "garbage") console.log("this is no port");
else if (start === "silent") console.error("silent on purpose");
else if (start === "wrong-port") console.log("1");
else serve();

function serve() {
  const grpc = require("@grpc/grpc-js");
  const service = require("@pulumi/pulumi/proto/provider_grpc_pb");
  const pb = require("@pulumi/pulumi/proto/provider_pb");
  const pluginPb = require("@pulumi/pulumi/proto/plugin_pb");
  const { Empty } = require("google-protobuf/google/protobuf/empty_pb");
  const { Struct } = require("google-protobuf/google/protobuf/struct_pb");
  const answer = (Response, fields) => {
    const response = new Response();
    for (const [setter, value] of Object.entries(fields)) response[setter](value);
    return response;
  };
  const unary = (handle) => (call, callback) => {
    const reply = (response) => callback(null, response);
    try {
      const response = handle(call.request, reply);
      if (response !== undefined) reply(response);
    } catch (error) {
      callback({ code: grpc.status.UNKNOWN, details: error.message });
    }
  };

  /** What `create` answers; undefined for no answer at all. */
  const creations = {
    well: (inputs) => ({ id: "well", properties: inputs }),
    crash: () => {
      console.error("last words of the plugin");
      process.kill(process.pid, "SIGKILL");
    },
    exit: () => process.exit(0),
    hang: () => undefined,
    refuse: () => {
      throw new Error("refused\nin two lines \u001b[31mand red");
    },
    "no-id": (inputs) => ({ id: "", properties: inputs }),
    signature: () => ({ id: "odd", properties: { odd: { "4dabf18193072939515e22adb298388d": "no such signature" } } }),
    huge: () => ({ id: "huge", properties: { text: "h".repeat(20_000_000) } }),
    nothing: () => ({ id: "nothing" }),
  };

  const server = new grpc.Server({ "grpc.max_send_message_length": -1 });
  server.addService(service.ResourceProviderService, {
    getPluginInfo: unary(() => answer(pluginPb.PluginInfo, { setVersion: "1.0.0" })),
    checkConfig: unary((request) => answer(pb.CheckResponse, { setInputs: request.getNews() })),
    diffConfig: unary(() => answer(pb.DiffResponse, { setChanges: 1 })),
    configure: unary(() => {
      if (start === "refuses-configuration") throw new Error("configuration refused");
      return answer(pb.ConfigureResponse, {
        setAcceptsecrets: true,
        setAcceptresources: true,
        setSupportspreview: true,
      });
    }),
    check: unary((request) => answer(pb.CheckResponse, { setInputs: request.getNews() })),
    diff: unary(() => answer(pb.DiffResponse, { setChanges: 1 })),
    create: unary((request) => {
      const inputs = request.getProperties().toJavaScript();
      if (request.getPreview()) return answer(pb.CreateResponse, { setProperties: request.getProperties() });
      appendFileSync(process.env.LEDGER, `begin ${inputs.does}\n`);
      const created = creations[inputs.does](inputs);
      if (created === undefined) return undefined;
      const { id, properties } = created;
      return answer(pb.CreateResponse, {
        setId: id,
        ...(properties && { setProperties: Struct.fromJavaScript(properties) }),
      });
    }),
    delete: unary((request) => {
      appendFileSync(process.env.LEDGER, `delete ${request.getId()}\n`);
      return new Empty();
    }),
    cancel: unary(() => {
      appendFileSync(process.env.LEDGER, "cancel\n");
      return new Empty();
    }),
  });
  server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_error, port) => {
    console.log(String(port));
    clearInterval(never);
  });
}
