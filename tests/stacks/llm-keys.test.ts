import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import { LlmConfig } from "../../contracts/llm.ts";
import { checkLlmKeys, llmKeys } from "../../stacks/llm-keys.ts";

const config = LlmConfig.parse({
  providers: ["one", "two"].map((name) => ({ name, baseUrl: `https://${name}.test/v1`, models: ["m"] })),
});

describe("the keys of language models' providers", () => {
  afterEach(() => pulumi.runtime.setAllConfig({}));

  for (const [given, expected] of [
    [{ one: "sk-1" }, '{"one":"sk-1"}'],
    [undefined, "{}"],
  ] as const) {
    it(`are a secret: ${expected}`, async () => {
      const all = given === undefined ? {} : { "automatos:llmKeys": JSON.stringify(given) };
      pulumi.runtime.setAllConfig(all, Object.keys(all));
      const keys = llmKeys(config);
      assert.equal(await new Promise((resolve) => keys.apply(resolve)), expected);
      assert.ok(await pulumi.isSecret(keys));
    });
  }

  it("are refused when they belong to no provider, or could end a header, without being repeated", () => {
    for (const given of [{ three: "sk-secret" }, { one: "sk-secret\r\nx: y" }, "sk-secret", ["sk-secret"]]) {
      assert.throws(
        () => checkLlmKeys(config, given),
        (error: Error) =>
          pulumi.RunError.isInstance(error) &&
          /automatos:llmKeys:\n.*config set --secret --path automatos:llmKeys/s.test(error.message) &&
          !error.message.includes("sk-secret"),
      );
    }
  });
});
