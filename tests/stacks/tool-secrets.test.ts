import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { ToolAdapters } from "../../contracts/tool-adapters.ts";
import { toolSecrets } from "../../stacks/tool-secrets.ts";

describe("the secrets of tools", () => {
  before(() =>
    pulumi.runtime.setMocks(
      { newResource: ({ name }) => ({ id: name, state: {} }), call: () => ({}) },
      "automatos",
      "dev",
    ),
  );

  const tools = ToolAdapters.parse({
    composio_execute: { tools: ["GITHUB_*"] },
    database_query: { databases: [{ name: "main", workspaces: "all" }] },
  });
  const read = (secrets: object | undefined, configured = tools): Promise<string> =>
    new Promise((resolve, reject) => {
      pulumi.runtime.setAllConfig(secrets === undefined ? {} : { "automatos:toolSecrets": JSON.stringify(secrets) });
      const output = toolSecrets(configured, new pulumi.Config("automatos"));
      // An output's own promise: what it rejects with is what a deployment would end with.
      (output as unknown as { promise(): Promise<string> }).promise().then(resolve, reject);
    });

  it("are given as JSON, and are secret", async () => {
    const secrets = { composio_execute: "ak", database_query: { main: "postgres://r:p@h/d" } };
    assert.deepEqual(JSON.parse(await read(secrets)), secrets);
    assert.equal(await pulumi.isSecret(toolSecrets(ToolAdapters.parse({}), new pulumi.Config("automatos"))), true);
    assert.deepEqual(JSON.parse(await read(undefined, ToolAdapters.parse({}))), { database_query: {} });
  });

  it("are missed by name, and unknown ones refused, without a value in the message", async () => {
    await assert.rejects(read({ composio_execute: "hidden-word" }), (error) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.match(error.message, /database_query\.main is not set/);
      assert.doesNotMatch(error.message, /hidden-word|composio/);
      return true;
    });
    await assert.rejects(read({ composio: "hidden-word" }), (error) => {
      assert.ok(pulumi.RunError.isInstance(error));
      assert.match(error.message, /Unrecognized key.*composio/);
      assert.doesNotMatch(error.message, /hidden-word/);
      return true;
    });
  });
});
