import { randomBytes } from "node:crypto";
import { parseEnv } from "node:util";
import { TASK_CREDENTIAL_KINDS } from "../../contracts/credential.ts";
import { restrictCredentialKeys } from "../../contracts/credential-keys.ts";
import type { PilotSecrets } from "./environments.ts";

interface ComposeSecret {
  /** Of `.env`, which `docker compose` reads. */
  readonly variable: string;
  /** What stands there until somebody writes another: random where the services make do with that. */
  readonly make: () => string;
}

const hex = (bytes: number) => () => randomBytes(bytes).toString("hex");
const base64 = (bytes: number) => () => randomBytes(bytes).toString("base64");
const nothing = () => "{}";
/** Made of another one when `.env` is written: a service gets the keys of its own kinds of credentials. */
const derived = () => "";

/** The secrets of a pilot as variables. Those of the credentials' keys must go on being derived from the API's. */
export const COMPOSE_SECRETS: Readonly<Record<keyof PilotSecrets<never>, ComposeSecret>> = {
  superuserPassword: { variable: "AUTOMATOS_POSTGRES_PASSWORD", make: hex(24) },
  ownerPassword: { variable: "AUTOMATOS_DATABASE_PASSWORD", make: hex(24) },
  apiPassword: { variable: "AUTOMATOS_API_DATABASE_PASSWORD", make: hex(24) },
  workerPassword: { variable: "AUTOMATOS_WORKER_DATABASE_PASSWORD", make: hex(24) },
  gatewayPassword: { variable: "AUTOMATOS_GATEWAY_DATABASE_PASSWORD", make: hex(24) },
  redisPassword: { variable: "AUTOMATOS_REDIS_PASSWORD", make: hex(24) },
  adminToken: { variable: "AUTOMATOS_ADMIN_TOKEN", make: hex(32) },
  taskTokenKey: { variable: "AUTOMATOS_TASK_TOKEN_KEY", make: base64(32) },
  apiCredentialKeys: { variable: "AUTOMATOS_CREDENTIAL_KEYS", make: () => `1:${base64(32)()}` },
  workerCredentialKeys: { variable: "AUTOMATOS_WORKER_CREDENTIAL_KEYS", make: derived },
  gatewayCredentialKeys: { variable: "AUTOMATOS_GATEWAY_CREDENTIAL_KEYS", make: derived },
  llmKeys: { variable: "AUTOMATOS_LLM_KEYS", make: nothing },
  toolSecrets: { variable: "AUTOMATOS_TOOL_SECRETS", make: nothing },
  backupSecrets: { variable: "AUTOMATOS_BACKUP_SECRETS", make: nothing },
};

/**
 * The text of `.env` with every secret in it: what `text` has stays, what is missing is made, further variables stay. The
 * keys of services are derived anew from AUTOMATOS_CREDENTIAL_KEYS.
 *
 * @throws Error when a value cannot stand in single quotes; it repeats none.
 */
export async function completeSecrets(text: string): Promise<string> {
  const values = new Map(Object.entries(parseEnv(text) as Record<string, string>));
  for (const { variable, make } of Object.values(COMPOSE_SECRETS)) {
    if (!values.has(variable)) values.set(variable, make());
  }
  const { apiCredentialKeys, workerCredentialKeys, gatewayCredentialKeys } = COMPOSE_SECRETS;
  const keys = values.get(apiCredentialKeys.variable) ?? "";
  values.set(workerCredentialKeys.variable, await restrictCredentialKeys(keys, TASK_CREDENTIAL_KINDS));
  values.set(gatewayCredentialKeys.variable, await restrictCredentialKeys(keys, ["git_https"]));
  const lines = [...values].sort().map(([name, value]) => {
    if (/['\n]/.test(value))
      throw new Error(`.env: ${name} holds a single quote or a line break; write it as \\u0027 in JSON`);
    return `${name}='${value}'`; // inside single quotes docker compose replaces nothing
  });
  return `${lines.join("\n")}\n`;
}
