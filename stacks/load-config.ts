import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { StackConfig } from "../contracts/stack-config.ts";

/**
 * The stack's configuration, checked as a whole: all mistakes are told at once. Secrets are not part of it.
 * `AUTOMATOS_SANDBOX`, where set, overrides the local phase's `sandbox`.
 *
 * @throws pulumi.RunError naming the file, every key that is wrong, and where to look.
 */
export function loadConfig(
  config = new pulumi.Config("automatos"),
  environment: Readonly<Record<string, string | undefined>> = process.env,
): StackConfig {
  const parsed = StackConfig.safeParse(withOverrides(config.requireObject("settings"), environment));
  if (!parsed.success) {
    throw new pulumi.RunError(
      `Pulumi.${pulumi.getStack()}.yaml, automatos:settings:\n${z.prettifyError(parsed.error)}\n` +
        "docs/reference/config.md lists every key, its type and its default.",
    );
  }
  return parsed.data;
}

function withOverrides(settings: unknown, environment: Readonly<Record<string, string | undefined>>): unknown {
  const sandbox = environment["AUTOMATOS_SANDBOX"] ?? "";
  const isLocal =
    typeof settings === "object" && settings !== null && "phase" in settings && settings.phase === "local";
  return sandbox !== "" && isLocal ? { ...settings, sandbox } : settings;
}
