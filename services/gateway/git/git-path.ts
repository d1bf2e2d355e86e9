import { type EgressTarget, formatTarget, InvalidTargetError, parseAuthority } from "../target.ts";

/** A request of git's, below `/git/`. */
export interface GitRequest {
  readonly target: EgressTarget;
  /** Path and query at that server. */
  readonly path: string;
}

/** Of a host that names none. */
export const HTTPS_PORT = 443;
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
  const authority = formatTarget(target, HTTPS_PORT);
  const base = new URL(path, `https://${authority}`);
  if (!URL.canParse(location, base.href)) return undefined;
  const url = new URL(location, base);
  return url.origin === base.origin ? `/git/${authority}${url.pathname}${url.search}` : undefined;
}
