import { type EgressTarget, InvalidTargetError, parseAuthority } from "../target.ts";

/** A request of git's, below `/git/`. */
export interface GitRequest {
  readonly target: EgressTarget;
  /** Path and query at that server. */
  readonly path: string;
}

const HTTPS_PORT = 443;
const SERVICES = "git-upload-pack|git-receive-pack";
const SMART_HTTP = new RegExp(
  `^/git/([^/?]+)((?:/[A-Za-z0-9._~+@,:=!$&'()*;-]+)+)/(?:(info/refs)\\?service=(${SERVICES})|(${SERVICES}))$`,
);

/**
 * Reads `/git/<host>[:<port>]/<repository>/…`. Only what git's smart HTTP protocol asks for has a meaning here
 * (gitprotocol-http(5)): the credential is for repositories, not for all that the server can do.
 *
 * @throws InvalidTargetError
 */
export function readGitRequest(method: string, url: string): GitRequest {
  const [, authority, repository, advertisement, asked, posted] = SMART_HTTP.exec(url) ?? [];
  if (authority === undefined || repository === undefined) throw notGit();
  if (method !== (advertisement === undefined ? "POST" : "GET")) throw notGit();
  if (repository.split("/").some((part) => part === "." || part === "..")) throw notGit();
  const action = advertisement === undefined ? (posted ?? "") : `info/refs?service=${asked ?? ""}`;
  return { target: parseAuthority(authority, HTTPS_PORT), path: `${repository}/${action}` };
}

const notGit = () =>
  new InvalidTargetError("below /git/ only git's smart HTTP requests are served: /git/<host>/<repository>/…");

/**
 * Where a redirect of the server leads, as a path below `/git/`; undefined when it leads to another server, to where the
 * credential must not go.
 */
export function redirectWithin(location: string, { target, path }: GitRequest): string | undefined {
  const port = target.port === HTTPS_PORT ? "" : `:${target.port}`;
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  const origin = `https://${host}${port}`;
  const base = new URL(path, origin);
  if (!URL.canParse(location, base)) return undefined;
  const url = new URL(location, base);
  return url.origin === base.origin ? `/git/${host}${port}${url.pathname}${url.search}` : undefined;
}
