/** Credentials for registries: the program's, the provider's, then those of the Docker CLI. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { DOCKER_HUB } from "../image-name.ts";

/** As the daemon takes them. */
export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

export interface RegistryAuth {
  readonly address: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** A file as `docker login` writes it. */
  readonly configFile?: string | undefined;
  readonly configFileContent?: string | undefined;
  /** Ask this registry without credentials. */
  readonly authDisabled?: boolean | undefined;
}

/** Docker Hub's key in configuration files. */
const HUB_INDEX = "https://index.docker.io/v1/";

interface DockerConfigFile {
  readonly auths?: Readonly<
    Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string }>
  >;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

export class Credentials {
  #configured: readonly RegistryAuth[] = [];

  configure(registryAuth: readonly RegistryAuth[]): void {
    this.#configured = registryAuth;
  }

  /** Undefined where nobody has credentials: the registry is asked without. `registry` is a host, as in image names. */
  async for(registry: string): Promise<AuthConfig | undefined> {
    const entry = this.#configured.find(({ address }) => hostOf(address) === registry);
    if (entry?.authDisabled) return undefined;
    if (entry?.username && entry.password) {
      return { username: entry.username, password: entry.password, serveraddress: addressOf(registry) };
    }
    if (entry?.configFileContent) {
      return fromConfigFile(parseConfig(entry.configFileContent, "configFileContent"), registry);
    }
    const file = entry?.configFile ?? defaultConfigFile();
    const text = await readFile(file, "utf8").catch((error: unknown) => {
      // None is needed unless the program names one.
      if (entry?.configFile === undefined) return "{}";
      throw new Error(`cannot read docker:registryAuth's configFile ${file}`, { cause: error });
    });
    return fromConfigFile(parseConfig(text, file), registry);
  }

  /** Where the configuration says how a registry is reached: `http://` before its address. */
  scheme(registry: string): "http" | "https" | undefined {
    const entry = this.#configured.find(({ address }) => hostOf(address) === registry);
    return entry ? (/^(https?):\/\//.exec(entry.address)?.[1] as "http" | "https" | undefined) : undefined;
  }
}

export function addressOf(registry: string): string {
  return registry === DOCKER_HUB ? HUB_INDEX : registry;
}

/** The host in what people write for a registry: with scheme, path, or Docker Hub's other names. */
export function hostOf(address: string): string {
  const host = address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
  return ["index.docker.io", "registry-1.docker.io"].includes(host) ? DOCKER_HUB : host;
}

function defaultConfigFile(): string {
  const { DOCKER_CONFIG: folder = "" } = process.env;
  return join(folder === "" ? join(homedir(), ".docker") : folder, "config.json");
}

function parseConfig(text: string, where: string): DockerConfigFile {
  try {
    return JSON.parse(text) as DockerConfigFile;
  } catch (error) {
    throw new Error(`${where} is not JSON as docker login writes it`, { cause: error });
  }
}

async function fromConfigFile(config: DockerConfigFile, registry: string): Promise<AuthConfig | undefined> {
  const serveraddress = addressOf(registry);
  const keys = [...new Set([registry, serveraddress, ...Object.keys(config.auths ?? {})])];
  const own = keys.filter((key) => hostOf(key) === registry);
  const helper = own.map((key) => config.credHelpers?.[key]).find(Boolean) ?? config.credsStore;
  if (helper) return fromHelper(helper, serveraddress);
  for (const key of own) {
    const entry = config.auths?.[key];
    if (!entry) continue;
    if (entry.identitytoken) return { identitytoken: entry.identitytoken, serveraddress };
    const [username, ...password] = Buffer.from(entry.auth ?? "", "base64")
      .toString("utf8")
      .split(":");
    if (username) return { username, password: password.join(":"), serveraddress };
    if (entry.username && entry.password) return { username: entry.username, password: entry.password, serveraddress };
  }
  return undefined;
}

/** Docker's protocol for credential helpers: the server's address in, JSON out. */
async function fromHelper(helper: string, serveraddress: string): Promise<AuthConfig | undefined> {
  const answer = await new Promise<string | undefined>((resolve) => {
    const child = execFile(`docker-credential-${helper}`, ["get"], (error, stdout) =>
      // A helper fails where it has no credentials, which is no failure here.
      resolve(error ? undefined : stdout),
    );
    child.stdin?.on("error", () => undefined).end(serveraddress);
  });
  if (answer === undefined) return undefined;
  const { Username: username, Secret: secret } = JSON.parse(answer) as { Username: string; Secret: string };
  return username === "<token>"
    ? { identitytoken: secret, serveraddress }
    : { username, password: secret, serveraddress };
}
