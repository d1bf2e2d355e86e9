#!/usr/bin/env node
// A provider plugin for tests whose package is made of a parameter, and whose resources want to be read before they
// are compared. What it is asked for goes into the file that LEDGER names.
const { appendFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const sdk = createRequire(`${process.env.PULUMI_PROGRAM_DIRECTORY}/index.js`);
const dependency = createRequire(sdk.resolve("@pulumi/pulumi/package.json"));
const grpc = dependency("@grpc/grpc-js");
const { Struct } = dependency("google-protobuf/google/protobuf/struct_pb");
const { Empty } = dependency("google-protobuf/google/protobuf/empty_pb");
const { ResourceProviderService } = sdk("@pulumi/pulumi/proto/provider_grpc_pb");
const pb = sdk("@pulumi/pulumi/proto/provider_pb");

const note = (line) => appendFileSync(process.env.LEDGER, `${line}\n`);
const answers = (Response, fields) => (_call, done) => {
  const response = new Response();
  for (const [name, value] of Object.entries(fields)) response[`set${name}`](value);
  done(null, response);
};
const noted = (title, answer) => (call, done) => {
  note(title(call.request));
  answer(call, done);
};

const server = new grpc.Server();
server.addService(ResourceProviderService, {
  handshake: answers(pb.ProviderHandshakeResponse, { AcceptSecrets: true, AcceptResources: true }),
  parameterize: noted(
    (request) => `parameterize ${Buffer.from(request.getValue().getValue_asU8()).toString()}`,
    (call, done) => {
      const { name, version } = call.request.getValue().toObject();
      answers(pb.ParameterizeResponse, { Name: name, Version: version })(call, done);
    },
  ),
  checkConfig: (call, done) => answers(pb.CheckResponse, { Inputs: call.request.getNews() })(call, done),
  configure: answers(pb.ConfigureResponse, {}),
  check: (call, done) => answers(pb.CheckResponse, { Inputs: call.request.getNews() })(call, done),
  diff: noted(() => "diff", answers(pb.DiffResponse, { Changes: pb.DiffResponse.DiffChanges.DIFF_NONE })),
  create: noted(
    () => "create",
    answers(pb.CreateResponse, { Id: "x", Properties: Struct.fromJavaScript({ size: 1 }), RefreshBeforeUpdate: true }),
  ),
  read: noted(
    () => "read",
    answers(pb.ReadResponse, {
      Id: "x",
      Properties: Struct.fromJavaScript({ size: 2 }),
      Inputs: Struct.fromJavaScript({}),
    }),
  ),
  delete: noted(() => "delete", answers(Empty, {})),
});
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_error, port) => console.log(String(port)));
