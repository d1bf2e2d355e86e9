import type { Pool } from "pg";
import type { ApiEnv } from "../../contracts/service-env.ts";
import { signTaskToken, taskTokenKey } from "../runtime/task-token.ts";
import type { AdapterResources } from "../tools/create-adapters.ts";
import { WorkspaceDatabases } from "../tools/database/workspace-databases.ts";
import type { GatewayRoute } from "../tools/gateway/tunnel.ts";
import type { WorkspaceContents } from "../workspace/contents/workspace-contents.ts";
import { CredentialReader } from "../workspace/credentials/credential-reader.ts";
import { CredentialKeyRing } from "../workspace/credentials/key-ring.ts";

/** No call of a tool takes longer; the gateway asks for the token when a connection is made. */
const GATEWAY_TOKEN_SECONDS = 180;

/** What the API's tools work with, by its environment. */
export async function adapterResources(
  env: ApiEnv,
  { pool, contents }: { readonly pool: Pool; readonly contents: WorkspaceContents },
): Promise<AdapterResources> {
  const credentials = new CredentialReader({ pool, keys: await CredentialKeyRing.create(env.CREDENTIAL_KEYS) });
  return {
    config: env.TOOL_ADAPTERS,
    secrets: env.TOOL_SECRETS,
    gateway: gatewayRoute(env),
    workspaceDatabases: new WorkspaceDatabases({ pool, credentials }),
    pool,
    contents,
  };
}

function gatewayRoute(env: ApiEnv): GatewayRoute | undefined {
  const { GATEWAY_SOCKET: socketPath, GATEWAY_ADDRESS: address, TASK_TOKEN_KEY } = env;
  const proxy = address ?? (socketPath === undefined ? undefined : { socketPath });
  if (proxy === undefined) return undefined;
  const key = taskTokenKey(TASK_TOKEN_KEY);
  const tokenFor: GatewayRoute["tokenFor"] = (identity) =>
    signTaskToken({ ...identity, expiresInSeconds: GATEWAY_TOKEN_SECONDS }, key);
  return { proxy, tokenFor };
}
