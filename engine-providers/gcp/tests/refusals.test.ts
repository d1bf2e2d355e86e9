import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { RehearsedStack } from "../../rehearsal/tests/support/stack.ts";

const BIN = fileURLToPath(new URL("../bin", import.meta.url));
const IMPORTS = `
import * as pulumi from "@pulumi/pulumi";
import * as compute from "@pulumi/gcp/compute/index.js";
import * as container from "@pulumi/gcp/container/index.js";
import * as storage from "@pulumi/gcp/storage/index.js";
`;

describe("what the rehearsed Google Cloud refuses, as a program's author sees it", () => {
  let stack: RehearsedStack;
  before(async () => {
    stack = await RehearsedStack.create("gcp", IMPORTS, { project: "acme", region: "europe-west3" });
    // Chosen by the project instead of by PATH.
    stack.sandbox.env["PATH"] = process.env["PATH"];
    const plugins = `plugins:\n  providers:\n    - name: gcp\n      path: ${BIN}\n`;
    const project = "name: sample\nruntime:\n  name: nodejs\n  options:\n    typescript: false\nmain: index.ts\n";
    await stack.sandbox.write("Pulumi.yaml", project + plugins);
  });
  after(() => stack.remove());

  it("is a type, a property or a lack of one at preview", async () => {
    const custom = (type: string, inputs: string) => `new pulumi.CustomResource("${type}", "odd", ${inputs});`;
    const previewFails = async (program: string) => {
      await stack.program(program);
      const { code, stdout, stderr } = await stack.sandbox.run("preview");
      assert.notEqual(code, 0);
      return stdout + stderr;
    };
    assert.match(
      await previewFails(custom("gcp:compute/nebula:Nebula", "{}")),
      /this provider has no resource type gcp:compute\/nebula:Nebula\. It rehearses the resources of @pulumi\/gcp 9\./,
    );
    const subnet = await previewFails(custom("gcp:compute/subnetwork:Subnetwork", `{ ipCidrRnge: "10.0.0.0/8" }`));
    assert.match(subnet, /Invalid or unknown key\. Did you mean "ipCidrRange"\? Examine values at 'odd\.ipCidrRnge'/);
    assert.match(subnet, /The argument "network" is required, but no definition was found/);
  });

  it("is what another stack still needs, or protects", async () => {
    await stack.up(`
      if (pulumi.getStack() === "dev") {
        new compute.Network("net", { name: "net", autoCreateSubnetworks: false });
        new storage.Bucket("b", { name: "artifacts", location: "EU" });
        new container.Cluster("c", { name: "c", location: "europe-west3", initialNodeCount: 1 });
      } else {
        new compute.Subnetwork("sub", { network: "net", ipCidrRange: "10.0.0.0/24" });
        new storage.BucketObject("o", { bucket: "artifacts", content: "x" });
      }`);
    await stack.sandbox.succeed("stack init other");
    for (const [key, value] of [
      ["project", "acme"],
      ["region", "europe-west3"],
    ] as const)
      await stack.sandbox.succeed(["config", "set", `gcp:${key}`, value]);
    await stack.up();
    const { code, stdout } = await stack.sandbox.run("destroy --yes --skip-preview --continue-on-error --stack dev");
    assert.notEqual(code, 0);
    assert.match(
      stdout,
      /Network 'projects\/rehearsed-acme\/global\/networks\/net' is already being used by Subnetwork/,
    );
    assert.match(stdout, /Bucket 'artifacts' is already being used by BucketObject/);
    assert.match(stdout, /Cluster .* cannot be destroyed because deletionProtection is true/);
    await stack.destroy();
    const again = await stack.sandbox.run("destroy --yes --skip-preview --continue-on-error --stack dev");
    assert.doesNotMatch(again.stdout, /already being used/);
    assert.deepEqual(
      (await stack.cloud.resources()).map(({ name }) => name),
      ["c"],
    );
  });
});
