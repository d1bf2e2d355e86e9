import type { SandboxCredentials } from "../../sandbox/sandbox.ts";
import { INSIDE } from "../../sandbox/inner-script.ts";
import type { TaskCredential } from "./credential-reader.ts";

/** What a task's commands are given. */
export interface TaskCredentials extends SandboxCredentials {
  /** Links that its home needs, to files that are there in a sandbox alone: path below the home, and where it leads. */
  readonly links: ReadonlyMap<string, string>;
  /** Values that must not be shown. */
  readonly secrets: readonly string[];
}

const SSH_FOLDER = `${INSIDE.credentials}/ssh`;

/** Turns credentials into variables and files for the sandbox. Of two for one variable or path the later one counts. */
export function toTaskCredentials(credentials: readonly TaskCredential[]): TaskCredentials {
  const environment: Record<string, string> = {};
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  const secrets: string[] = [];
  const sshHosts: string[] = [];
  for (const credential of credentials) {
    switch (credential.kind) {
      case "env":
        environment[credential.variable] = credential.value;
        secrets.push(credential.value);
        break;
      case "file": {
        const inside = `${INSIDE.credentials}/files/${credential.path}`;
        files.set(`files/${credential.path}`, credential.content);
        links.set(credential.path, inside);
        if (credential.variable !== undefined) environment[credential.variable] = inside;
        secrets.push(credential.content);
        break;
      }
      case "ssh_key":
        files.set(`ssh/key_${credential.name}`, withLastLineBreak(credential.privateKey));
        files.set(`ssh/known_hosts_${credential.name}`, withLastLineBreak(credential.knownHosts));
        sshHosts.push(sshHost(credential));
        secrets.push(credential.privateKey);
        break;
    }
  }
  if (sshHosts.length > 0) {
    files.set("ssh/config", sshHosts.join("\n"));
    links.set(".ssh", SSH_FOLDER);
    environment["GIT_SSH_COMMAND"] = `ssh -F ${SSH_FOLDER}/config`;
  }
  return { environment, files: [...files].map(([path, content]) => ({ path, content })), links, secrets };
}

/** ssh refuses a key whose last line has no end. */
const withLastLineBreak = (text: string): string => (text.endsWith("\n") ? text : `${text}\n`);

/**
 * The way out leads through the gateway, as for everything else: its address and what names the task are in HTTP_PROXY.
 * `%%` is ssh's spelling of a percent sign.
 */
const PROXY_COMMAND =
  `sh -c 'auth=\${HTTP_PROXY#http://}; exec socat - ` +
  `"PROXY:127.0.0.1:$0:$1,proxyport=${INSIDE.proxyPort},proxyauth=\${auth%%%%@*}"' %h %p`;

function sshHost({ name, host, user }: Extract<TaskCredential, { kind: "ssh_key" }>): string {
  const [, hostname = host, port = "22"] = /^(.*?)(?::([0-9]+))?$/.exec(host) ?? [];
  const lines = [
    `Host ${hostname}`,
    `  Port ${port}`,
    `  User ${user}`,
    `  IdentityFile ${SSH_FOLDER}/key_${name}`,
    "  IdentitiesOnly yes",
    `  UserKnownHostsFile ${SSH_FOLDER}/known_hosts_${name}`,
    "  GlobalKnownHostsFile /dev/null",
    "  StrictHostKeyChecking yes",
    "  BatchMode yes",
    `  ProxyCommand ${PROXY_COMMAND}`,
  ];
  return `${lines.join("\n")}\n`;
}
