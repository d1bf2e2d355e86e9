import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { StackUnderTest } from "./support/stack-under-test.ts";

const PLUGIN = new URL("./support/base-plugin.cjs", import.meta.url).pathname;

describe("a package that a plugin makes of a parameter", () => {
  const folder = mkdtempSync(join(tmpdir(), "engine-base-"));
  const ledger = join(folder, "ledger");
  const plugins = [{ name: "base", path: folder, version: "2.0.0" }];
  const stack = new StackUnderTest();
  const asked = () => readFileSync(ledger, "utf8").split("\n").filter(Boolean);

  before(() => {
    symlinkSync(PLUGIN, join(folder, "pulumi-resource-base"));
    process.env["LEDGER"] = ledger;
  });
  after(() => {
    delete process.env["LEDGER"];
    stack.remove();
    rmSync(folder, { recursive: true });
  });

  it("has a provider that names plugin and parameter; what wants to be read before it is compared is", async () => {
    writeFileSync(ledger, "");
    const made = await stack
      .program(
        `
        const pb = require("@pulumi/pulumi/proto/resource_pb");
        const packageRef = () => new Promise((resolve, reject) => {
          const parameter = new pb.Parameterization();
          parameter.setName("sub");
          parameter.setVersion("1.0.0");
          parameter.setValue(Buffer.from("the parameter").toString("base64"));
          const request = new pb.RegisterPackageRequest();
          request.setName("base");
          request.setVersion("2.0.0");
          request.setParameterization(parameter);
          pulumi.runtime.getMonitor().registerPackage(request, (error, response) => error ? reject(error) : resolve(response.getRef()));
        });
        const one = packageRef(), other = packageRef();
        class Sub extends pulumi.CustomResource {
          constructor(name, ref) { super("sub:index:X", name, { size: undefined }, {}, false, ref); }
        }
        const x = new Sub("x", one);
        module.exports = { size: x.size, same: Promise.all([one, other]).then(([a, b]) => a === b) };`,
      )
      .up({ plugins });
    assert.deepEqual(made.errors, []);
    assert.deepEqual(asked(), ["parameterize the parameter", "create"]);
    assert.deepEqual(stack.state("test-dev")?.outputs, { size: 1, same: true });
    const provider = stack.snapshot.resources.find(({ type }) => type === "pulumi:providers:sub");
    assert.equal(provider?.urn.split("::").at(-1), "default_1_0_0");
    assert.deepEqual(provider.inputs, {
      version: "1.0.0",
      __internal: {
        name: "base",
        version: "2.0.0",
        parameterization: Buffer.from("the parameter").toString("base64"),
      },
    });
    assert.equal(stack.state("x")?.extra?.["refreshBeforeUpdate"], true);

    writeFileSync(ledger, "");
    const again = await stack.up({ plugins });
    assert.deepEqual(again.errors, []);
    // The refresh has a plugin of its own, which compares what it read with what was wanted; then the update does.
    const ofRefresh = ["parameterize the parameter", "read", "diff"];
    assert.deepEqual(asked(), [...ofRefresh, "parameterize the parameter", "diff"]);
    assert.equal(stack.state("x")?.extra?.["refreshBeforeUpdate"], undefined, "it did not ask for it again");
    assert.deepEqual(stack.state("x")?.outputs, { size: 2 });
  });
});
