import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { type LlmConfig, LlmKeys } from "../contracts/llm.ts";

/**
 * The keys of language models' providers, as JSON: secrets of the stack, one for each provider, set with
 * `npm run pulumi -- config set --secret --path automatos:llmKeys.<provider>`. A provider without a key is asked
 * without one.
 */
export function llmKeys(llm: LlmConfig, config = new pulumi.Config("automatos")): pulumi.Output<string> {
  const given = config.getSecretObject<unknown>("llmKeys") ?? pulumi.secret({});
  return given.apply((keys) => JSON.stringify(checkLlmKeys(llm, keys)));
}

/** @throws pulumi.RunError for a key that is none or that belongs to no provider; it repeats no key. */
export function checkLlmKeys({ providers }: LlmConfig, keys: unknown): LlmKeys {
  const known = new Set(providers.map(({ name }) => name));
  const parsed = LlmKeys.refine((entries) => Object.keys(entries).every((name) => known.has(name)), {
    error: "a key is for a provider that `llm.providers` does not have",
  }).safeParse(keys);
  if (parsed.success) return parsed.data;
  throw new pulumi.RunError(
    `Pulumi.${pulumi.getStack()}.yaml, automatos:llmKeys:\n${z.prettifyError(parsed.error)}\n` +
      "Set each with `npm run pulumi -- config set --secret --path automatos:llmKeys.<provider>`.",
  );
}
