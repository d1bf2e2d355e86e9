import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { missingToolSecrets, type ToolAdapters, ToolSecrets } from "../contracts/tool-adapters.ts";

/**
 * What the configured tools authenticate with, as JSON: secrets of the stack, set with
 * `npm run pulumi -- config set --secret --path automatos:toolSecrets.<tool>`.
 *
 * @throws pulumi.RunError, inside the output, as checkToolSecrets.
 */
export function toolSecrets(tools: ToolAdapters, config = new pulumi.Config("automatos")): pulumi.Output<string> {
  const given = config.getSecretObject<unknown>("toolSecrets") ?? pulumi.secret({});
  return given.apply((secrets) => JSON.stringify(checkToolSecrets(tools, secrets)));
}

/** @throws pulumi.RunError for a secret that is none, is unknown, or is missing; no value is in its message. */
export function checkToolSecrets(tools: ToolAdapters, given: unknown): ToolSecrets {
  const parsed = ToolSecrets.safeParse(given);
  const missing = parsed.success ? missingToolSecrets(tools, parsed.data) : [];
  if (parsed.success && missing.length === 0) return parsed.data;
  const problems = parsed.success
    ? missing.map((name) => `${name} is not set`).join("\n")
    : z.prettifyError(parsed.error);
  throw new pulumi.RunError(
    `Pulumi.${pulumi.getStack()}.yaml, automatos:toolSecrets:\n${problems}\n` +
      "Set each with `npm run pulumi -- config set --secret --path automatos:toolSecrets.<name>`.",
  );
}
