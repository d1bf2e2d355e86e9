import * as pulumi from "@pulumi/pulumi";
import { LocalPlatform } from "../components/local/local-platform.ts";
import { machineIndexes, readPackageManagers } from "../components/local/machine-indexes.ts";
import type { LocalConfig } from "../contracts/stack-config.ts";
import { backupSecrets } from "./backup-secrets.ts";
import { llmKeys } from "./llm-keys.ts";
import type { StackOutputs } from "./stack-outputs.ts";
import { toolSecrets } from "./tool-secrets.ts";

/** Phase `local`: everything on this machine; no Docker, no Redis, no cloud, no account. */
export async function local(config: LocalConfig): Promise<StackOutputs> {
  const packageIndexes = machineIndexes(await readPackageManagers());
  for (const note of packageIndexes.notes) await pulumi.log.warn(note);
  if (config.sandbox === "none") {
    await pulumi.log.warn(
      "sandbox: none. Commands of tasks run BARE on this machine, with all rights of the worker: for development only",
    );
  }
  const secrets = {
    llmKeys: llmKeys(config.llm),
    toolSecrets: toolSecrets(config.tools),
    backupSecrets: backupSecrets(config.backup),
  };
  const platform = new LocalPlatform("local", { ...config, ...secrets, packageIndexes });
  return {
    phase: config.phase,
    apiUrl: platform.apiUrl,
    apiDocsUrl: platform.apiDocsUrl,
    adminToken: platform.adminToken,
    workerHealthUrls: platform.workerHealthUrls,
    gatewayHealthUrl: platform.gatewayHealthUrl,
    workspacesDir: platform.workspacesDir,
  };
}
