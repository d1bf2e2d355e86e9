import { RepositoryUrlRefusedError } from "./repository-errors.ts";

/**
 * The URL as git gets it: http or https, in its normal spelling. git has transports that run commands (`ext::`) or read
 * this machine's files (`file://`), takes what begins with a dash for an option, and writes credentials of a URL into
 * the clone's configuration, where every later task finds them.
 *
 * @throws RepositoryUrlRefusedError whose message does not repeat the URL: it may hold a password.
 */
export function repositoryUrl(text: string): string {
  // The parser would drop some of these silently, and git would not.
  if (/[\u0000-\u0020\u007f\\]/.test(text)) throw new RepositoryUrlRefusedError("holds a space or control character");
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) {
    throw new RepositoryUrlRefusedError("is not an http:// or https:// URL");
  }
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") throw new RepositoryUrlRefusedError("holds credentials");
  if (url.hash !== "") throw new RepositoryUrlRefusedError("holds a fragment");
  return url.href;
}
