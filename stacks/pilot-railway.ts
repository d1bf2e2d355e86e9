import * as pulumi from "@pulumi/pulumi";
import { RailwayPlatform } from "../components/pilot/railway/railway-platform.ts";
import type { RailwayConfig } from "../contracts/railway-config.ts";
import { backupSecrets } from "./backup-secrets.ts";
import { llmKeys } from "./llm-keys.ts";
import type { StackOutputs } from "./stack-outputs.ts";
import { toolSecrets } from "./tool-secrets.ts";

/**
 * Phase `pilot`, target `railway`: the services as a Railway project. A private registry with their images is entered by
 * the secret `automatos:railwayRegistry` (`username`, `password`).
 */
export async function pilotRailway(config: RailwayConfig): Promise<StackOutputs> {
  const registry = new pulumi.Config("automatos").getSecretObject<{ username: string; password: string }>(
    "railwayRegistry",
  );
  const platform = new RailwayPlatform("pilot", {
    ...config,
    llmKeys: llmKeys(config.llm),
    toolSecrets: toolSecrets(config.tools),
    backupSecrets: backupSecrets(config.backup),
    ...(registry === undefined ? {} : { registryCredentials: registry }),
  });
  return {
    phase: config.phase,
    apiUrl: platform.apiUrl,
    apiDocsUrl: platform.apiDocsUrl,
    adminToken: platform.adminToken,
  };
}
