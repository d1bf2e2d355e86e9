/** Where the daemon is, from the provider's configuration and the environment. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DockerOptions } from "dockerode";

export interface ConnectionConfig {
  readonly host?: string | undefined;
  readonly caMaterial?: string | undefined;
  readonly certMaterial?: string | undefined;
  readonly keyMaterial?: string | undefined;
  /** A folder with ca.pem, cert.pem and key.pem. */
  readonly certPath?: string | undefined;
}

export interface Connection {
  /** As the user would write it. */
  readonly host: string;
  readonly options: DockerOptions;
}

const DEFAULT_HOST = "unix:///var/run/docker.sock";
const PORT = 2375;
const TLS_PORT = 2376;

/** @throws when the configuration contradicts itself, or names what this provider does not speak. */
export function connectionOf(config: ConnectionConfig, env: NodeJS.ProcessEnv): Connection {
  const host = [config.host, env["DOCKER_HOST"]].find(isSet) ?? DEFAULT_HOST;
  const tls = tlsOf(config, env);
  const unix = /^unix:\/\/(\/.+)$/.exec(host);
  if (unix?.[1] !== undefined) return { host, options: { socketPath: unix[1] } };
  if (host.startsWith("ssh:")) {
    throw new Error(
      `docker:host is ${host}; this provider does not speak ssh. Forward the socket (ssh -L /tmp/docker.sock:` +
        "/var/run/docker.sock) and set docker:host to unix:///tmp/docker.sock",
    );
  }
  if (!URL.canParse(host) || !/^(tcp|https?):\/\//.test(host)) {
    throw new Error(`docker:host is ${JSON.stringify(host)}, neither unix:///path nor tcp://host:port`);
  }
  const url = new URL(host.replace(/^tcp:/, "http:"));
  const protocol = tls || host.startsWith("https:") ? "https" : "http";
  const port = url.port === "" ? (protocol === "https" ? TLS_PORT : PORT) : Number(url.port);
  return { host, options: { host: url.hostname, port, protocol, ...tls } };
}

/** An empty variable is none. */
function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

function tlsOf(
  config: ConnectionConfig,
  env: NodeJS.ProcessEnv,
): Pick<DockerOptions, "ca" | "cert" | "key"> | undefined {
  const ca = config.caMaterial ?? env["DOCKER_CA_MATERIAL"];
  const cert = config.certMaterial ?? env["DOCKER_CERT_MATERIAL"];
  const key = config.keyMaterial ?? env["DOCKER_KEY_MATERIAL"];
  const path = config.certPath ?? env["DOCKER_CERT_PATH"];
  if (![ca, cert, key].some(isSet)) return isSet(path) ? tlsFrom(path) : undefined;
  if (!isSet(ca) || !isSet(cert) || !isSet(key)) {
    throw new Error("docker:caMaterial, certMaterial and keyMaterial belong together; set all three or none");
  }
  if (config.certPath !== undefined) {
    throw new Error("docker:certPath and certMaterial are both set; leave one out");
  }
  return { ca, cert, key };
}

function tlsFrom(folder: string): Pick<DockerOptions, "ca" | "cert" | "key"> {
  const [ca, cert, key] = ["ca.pem", "cert.pem", "key.pem"].map((file) => readFileSync(join(folder, file), "utf8"));
  return { ca, cert, key };
}
