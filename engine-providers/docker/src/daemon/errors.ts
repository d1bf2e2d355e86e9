/** What a daemon answers, in words of the operation that asked. */

/** No daemon answers where one is configured. */
export class DaemonUnreachableError extends Error {
  override readonly name = "DaemonUnreachableError";

  constructor(host: string, cause: unknown) {
    super(
      `no Docker daemon answers at ${host} (${reasonOf(cause)}). ` +
        "Start it, or say where it is with docker:host in the stack's configuration or with DOCKER_HOST",
      { cause },
    );
  }
}

/** The daemon refused or failed. */
export class DaemonError extends Error {
  override readonly name = "DaemonError";

  constructor(action: string, cause: unknown) {
    super(`cannot ${action}: ${reasonOf(cause)}`, { cause });
  }
}

const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "EACCES",
  "ENOTFOUND",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ECONNRESET",
]);

export function isUnreachable(error: unknown): boolean {
  return error instanceof Error && "code" in error && UNREACHABLE.has(String(error.code)) && !("statusCode" in error);
}

/** The HTTP status that the daemon answered with. */
export function statusOf(error: unknown): number | undefined {
  if (error instanceof DaemonError) return statusOf(error.cause);
  return error instanceof Error && "statusCode" in error ? Number(error.statusCode) : undefined;
}

/** The daemon's own words; dockerode puts the status and its meaning before them. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { json } = error as { json?: { message?: unknown } };
  const message = typeof json?.message === "string" ? json.message : error.message;
  return message.replace(/^\(HTTP code \d+\) [^-]+- /, "").trim();
}
