/** Names of images, as Docker reads them (distribution/reference). */

export interface ImageName {
  /** The registry's host, with port: `docker.io` where the name has none. */
  readonly registry: string;
  /** Whether the name itself says the registry. */
  readonly qualified: boolean;
  /** Path within the registry: `library/` before the official images of Docker Hub. */
  readonly repository: string;
  /** The name without tag and digest, as it was written. */
  readonly familiar: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

export const DOCKER_HUB = "docker.io";
const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;

/** @throws when Docker would refuse the name. */
export function parseImageName(text: string): ImageName {
  const [named = "", digest, ...more] = text.split("@");
  const lastColon = named.lastIndexOf(":");
  const hasTag = lastColon > named.lastIndexOf("/");
  const familiar = hasTag ? named.slice(0, lastColon) : named;
  const tag = hasTag ? named.slice(lastColon + 1) : undefined;
  const slash = familiar.indexOf("/");
  const first = familiar.slice(0, Math.max(slash, 0));
  const qualified = slash > 0 && (/[.:]/.test(first) || first === "localhost");
  const path = qualified ? familiar.slice(slash + 1) : familiar;
  const valid = more.length === 0 && PATH.test(path) && (tag === undefined || TAG.test(tag));
  if (!valid || (digest !== undefined && !DIGEST.test(digest))) {
    throw new Error(`${JSON.stringify(text)} is no image name: [registry/]path[:tag][@digest], the path in lower case`);
  }
  const registry = !qualified || first === "index.docker.io" ? DOCKER_HUB : first;
  const official = registry === DOCKER_HUB && !path.includes("/");
  return { registry, qualified, repository: official ? `library/${path}` : path, familiar, tag, digest };
}

/** For `validate`: undefined when it is an image name, or an image's id. */
export function imageNameProblem(text: string): string | undefined {
  if (DIGEST.test(text)) return undefined;
  try {
    parseImageName(text);
    return undefined;
  } catch {
    return `is ${JSON.stringify(text)}, which is no image name: [registry/]path[:tag][@digest], the path in lower case`;
  }
}

/** The one of an image's digests that is of the repository of `name`, else none. */
export function digestOf(name: string, repoDigests: readonly string[]): string | undefined {
  const wanted = parseImageName(name);
  return repoDigests.find((digest) => {
    const found = parseImageName(digest);
    return found.registry === wanted.registry && found.repository === wanted.repository;
  });
}
