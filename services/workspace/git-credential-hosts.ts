import type { Queryable } from "../runtime/database.ts";
import { INSIDE } from "../sandbox/inner-script.ts";

/** Hosts for which a workspace has a credential of git's, as `host` or `host:port`. The values are the gateway's. */
export async function gitCredentialHosts(database: Queryable, workspaceId: string): Promise<string[]> {
  const { rows } = await database.query<{ host: string }>(
    "SELECT host FROM git_credential_hosts WHERE workspace_id = $1 ORDER BY host",
    [workspaceId],
  );
  return rows.map(({ host }) => host);
}

/**
 * Variables that have git ask the gateway for repositories of these hosts, which adds the credential. Repositories keep
 * their real URLs: the other one is put in their place whenever git uses them (`url.<base>.insteadOf`).
 */
export function gitThroughGateway(hosts: readonly string[]): Record<string, string> {
  const settings = hosts.flatMap((host) => {
    const base = `http://127.0.0.1:${INSIDE.proxyPort}/git/${host}/`;
    const names = host.endsWith(":443") ? [host, host.slice(0, -":443".length)] : [host];
    return names.map((name) => [`url.${base}.insteadOf`, `https://${name}/`] as const);
  });
  if (settings.length === 0) return {};
  return Object.fromEntries([
    ["GIT_CONFIG_COUNT", String(settings.length)],
    ...settings.flatMap(([key, value], index) => [
      [`GIT_CONFIG_KEY_${index}`, key],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]),
  ]) as Record<string, string>;
}
