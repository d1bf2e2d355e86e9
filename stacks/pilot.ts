import * as pulumi from "@pulumi/pulumi";
import { ComposeStack } from "../components/pilot/compose-stack.ts";
import type { ComposeConfig } from "../contracts/pilot-config.ts";
import { backupSecrets } from "./backup-secrets.ts";
import { llmKeys } from "./llm-keys.ts";
import type { StackOutputs } from "./stack-outputs.ts";
import { toolSecrets } from "./tool-secrets.ts";

/** Phase `pilot`, target `compose`: the services in containers of one Docker host, on PostgreSQL and Redis. */
export async function pilot(config: ComposeConfig): Promise<StackOutputs> {
  const { address } = config.publish;
  if (address !== "127.0.0.1" && address !== "::1") {
    await pulumi.log.warn(
      `publish.address ${address}: the API speaks HTTP without TLS there; put a proxy that ends TLS before it`,
    );
  }
  const stack = new ComposeStack("pilot", {
    config,
    llmKeys: llmKeys(config.llm),
    toolSecrets: toolSecrets(config.tools),
    backupSecrets: backupSecrets(config.backup),
  });
  return {
    phase: config.phase,
    apiUrl: stack.apiUrl,
    apiDocsUrl: stack.apiDocsUrl,
    adminToken: stack.adminToken,
    volumes: stack.volumes,
  };
}
