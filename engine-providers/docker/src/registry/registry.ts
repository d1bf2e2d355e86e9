/** The HTTP API of registries (OCI distribution), as far as the daemon has no answer for it. */
import { request as requestHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";
import { DOCKER_HUB, parseImageName } from "../image-name.ts";
import type { ImageName } from "../image-name.ts";
import type { AuthConfig, Credentials } from "./credentials.ts";

const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

export interface Access {
  readonly insecureSkipVerify?: boolean | undefined;
  /** In place of the configured credentials. */
  readonly auth?: AuthConfig | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Manifest {
  /** `sha256:...` */
  readonly digest: string;
  readonly mediaType: string;
  readonly content: {
    readonly manifests?: readonly {
      readonly digest: string;
      readonly mediaType: string;
      readonly platform?: { readonly architecture?: string; readonly os?: string };
    }[];
  };
}

/** The registry answered with a failure. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly status: number;

  constructor(action: string, status: number, body: string) {
    const hint = status === 401 || status === 403 ? ". Set docker:registryAuth, or log in with docker login" : "";
    super(`cannot ${action}: the registry answered ${status} ${body.trim().slice(0, 300)}${hint}`);
    this.status = status;
  }
}

export class Registry {
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  /** Undefined when the registry has no such image. @throws RegistryError */
  async manifest(name: string, access: Access = {}): Promise<Manifest | undefined> {
    const image = parseImageName(name);
    const action = `read the manifest of ${name}`;
    const answer = await this.#ask("GET", image, image.digest ?? image.tag ?? "latest", action, access);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw new RegistryError(action, answer.status, answer.body);
    const digest = answer.headers["docker-content-digest"];
    if (typeof digest !== "string") throw new Error(`cannot ${action}: the registry's answer has no digest`);
    return {
      digest,
      mediaType: answer.headers["content-type"] ?? "",
      content: JSON.parse(answer.body) as Manifest["content"],
    };
  }

  /** Succeeds when it is gone already. @throws RegistryError, also where a registry does not allow it. */
  async remove(name: string, digest: string, access: Access = {}): Promise<void> {
    const action = `delete ${name} (${digest}) from its registry`;
    const { status, body } = await this.#ask("DELETE", parseImageName(name), digest, action, access);
    if (![200, 202, 404].includes(status)) throw new RegistryError(action, status, body);
  }

  async #ask(method: string, image: ImageName, reference: string, action: string, access: Access): Promise<Answer> {
    const auth = access.auth ?? (await this.#credentials.for(image.registry));
    const host = image.registry === DOCKER_HUB ? "registry-1.docker.io" : image.registry;
    const scheme = this.#credentials.scheme(image.registry) ?? (isLoopback(host) ? "http" : "https");
    const url = new URL(`${scheme}://${host}/v2/${image.repository}/manifests/${reference}`);
    const ask = (authorization?: string): Promise<Answer> =>
      send(url, method, { accept: MANIFESTS.join(", "), ...(authorization && { authorization }) }, access);
    const first = await ask();
    if (first.status !== 401) return first;
    const challenge = first.headers["www-authenticate"] ?? "";
    if (/^basic/i.test(challenge)) return ask(basic(auth, action));
    if (!/^bearer/i.test(challenge)) return first;
    const scope = `repository:${image.repository}:${method === "GET" ? "pull" : "delete"}`;
    return ask(`Bearer ${await bearer(challenge, scope, auth, access)}`);
  }
}

function basic(auth: AuthConfig | undefined, action: string): string {
  if (!auth?.username) {
    throw new Error(`cannot ${action}: the registry asks for credentials. Set docker:registryAuth, or docker login`);
  }
  return `Basic ${Buffer.from(`${auth.username}:${auth.password ?? ""}`).toString("base64")}`;
}

/** The token service that the registry names in its challenge. */
async function bearer(challenge: string, scope: string, auth: AuthConfig | undefined, access: Access): Promise<string> {
  const parameters = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]),
  );
  const url = new URL(parameters["realm"] ?? "");
  if (parameters["service"]) url.searchParams.set("service", parameters["service"]);
  url.searchParams.set("scope", parameters["scope"] ?? scope);
  const headers = auth?.username ? { authorization: basic(auth, "ask for a token") } : {};
  const { status, body } = await send(url, "GET", headers, access);
  if (status !== 200) throw new RegistryError(`get a token from ${url.origin}`, status, body);
  const token = JSON.parse(body) as { token?: string; access_token?: string };
  return token.token ?? token.access_token ?? "";
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** `fetch` cannot leave out the check of a certificate for one request. */
function send(url: URL, method: string, headers: Record<string, string>, access: Access): Promise<Answer> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  const options = {
    method,
    headers,
    rejectUnauthorized: access.insecureSkipVerify !== true,
    ...(access.signal && { signal: access.signal }),
  };
  return new Promise((resolve, reject) => {
    request(url, options, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        reject,
      );
    })
      .on("error", (error) => reject(new Error(`cannot reach ${url.origin}: ${error.message}`, { cause: error })))
      .end();
  });
}

/** As the daemon does, registries of this machine are spoken to without TLS. */
function isLoopback(host: string): boolean {
  return /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/.test(host);
}
