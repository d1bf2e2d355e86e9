import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { HostileStack } from "./support/hostile-stack.ts";

/** Speaks to the engine past the SDK's classes: `ask(method, request)` rejects with what the engine answers. */
const raw = `
  const proto = require("@pulumi/pulumi/proto/resource_pb");
  const { Struct } = require("google-protobuf/google/protobuf/struct_pb");
  const monitor = pulumi.runtime.getMonitor();
  const ask = (method, request) =>
    new Promise((resolve, reject) => monitor[method](request, (error, answer) => (error ? reject(new Error(error.details)) : resolve(answer))));
  const resource = (fields) => {
    const request = new proto.RegisterResourceRequest();
    for (const [key, value] of Object.entries({ Type: "test:index:Thing", Name: "raw", Custom: false, ...fields })) request["set" + key](value);
    return request;
  };
  const own = "urn:pulumi:dev::sample::test:index:Thing::raw";
`;

const rows: readonly (readonly [does: string, program: string, says: RegExp])[] = [
  ["is its own parent", `ask("registerResource", resource({ Parent: own }))`, /could not find parent resource .*::raw/],
  [
    "has a parent that is no URN",
    `ask("registerResource", resource({ Parent: "nobody" }))`,
    /could not find parent resource nobody/,
  ],
  [
    "has a parent that nobody registered",
    `ask("registerResource", resource({ Parent: own.replace("raw", "none") }))`,
    /could not find parent resource .*::none/,
  ],
  ["has a type that is none", `ask("registerResource", resource({ Type: "::" , Custom: true }))`, /error: /],
  [
    "has a provider that nobody registered",
    `ask("registerResource", resource({ Custom: true, Provider: own + "::id" }))`,
    /invalid provider reference/,
  ],
  [
    "has a property of an unknown kind",
    `ask("registerResource", resource({ Object: Struct.fromJavaScript({ odd: { "4dabf18193072939515e22adb298388d": "none" } }) }))`,
    /unknown signature "none"/,
  ],
  [
    "has outputs before it is registered",
    `(() => { const request = new proto.RegisterResourceOutputsRequest(); request.setUrn(own); return ask("registerResourceOutputs", request); })()`,
    /urn:pulumi:dev::sample::test:index:Thing::raw/,
  ],
];

describe("a resource, registered past the SDK, that", { timeout: 240_000 }, () => {
  let stack: HostileStack;
  before(async () => {
    stack = await HostileStack.create(`new pulumi.ComponentResource("test:index:Kept", "kept");`);
    assert.equal((await stack.up()).code, 0);
  });
  after(() => stack.remove());

  it("is in order is accepted", async () => {
    await stack.program(`${raw}
      new pulumi.ComponentResource("test:index:Kept", "kept");
      module.exports = ask("registerResource", resource({ Name: "fine" })).then((answer) => ({ urn: answer.getUrn() }));`);
    const { code, said } = await stack.up();
    assert.equal(code, 0, said);
    assert.deepEqual((await stack.names()).sort(), ["fine", "kept"]);
    await stack.program(`new pulumi.ComponentResource("test:index:Kept", "kept");`);
    assert.equal((await stack.up()).code, 0);
  });

  for (const [does, program, says] of rows) {
    it(`${does} is refused with words, and the state stays as it is`, async () => {
      await stack.program(`${raw}\nmodule.exports = ${program}.then(() => ({ accepted: true }));`);
      const { code, said } = await stack.up();
      assert.equal(code, 1, said);
      assert.match(said, says);
      assert.doesNotMatch(said, /TypeError|engine\/src\//, "a fault of the engine");
      assert.deepEqual(await stack.names(), ["kept"]);
    });
  }
});
