import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { ToolAdapters } from "../../contracts/tool-adapters.ts";
import { checkToolSecrets, toolSecrets } from "../../stacks/tool-secrets.ts";

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
  it("are given as JSON, and are secret", async () => {
    const secrets = { composio_execute: "ak", database_query: { main: "postgres://r:p@h/d" } };
    assert.deepEqual(checkToolSecrets(tools, secrets), secrets);
    assert.deepEqual(checkToolSecrets(ToolAdapters.parse({}), {}), { database_query: {} });
    pulumi.runtime.setAllConfig({ "automatos:toolSecrets": JSON.stringify(secrets) });
    const output = toolSecrets(tools, new pulumi.Config("automatos"));
    assert.equal(await pulumi.isSecret(output), true);
    const given = await new Promise<string>((resolve) => output.apply(resolve));
    assert.deepEqual(JSON.parse(given), secrets);
  });

  it("are missed by name, and unknown ones refused, without a value in the message", () => {
    const told = (secrets: unknown): string => {
      try {
        return assert.fail(JSON.stringify(checkToolSecrets(tools, secrets)));
      } catch (error) {
        assert.ok(pulumi.RunError.isInstance(error));
        assert.doesNotMatch(error.message, /hidden-word/);
        return error.message;
      }
    };
    assert.match(told({ composio_execute: "hidden-word" }), /database_query\.main is not set/);
    assert.match(told({ composio: "hidden-word" }), /Unrecognized key.*composio/);
    assert.match(told({ database_query: { main: 1 } }), /database_query\.main/);
    assert.match(told("hidden-word"), /expected object/);
  });
});
