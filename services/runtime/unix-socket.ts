import { chmod, lstat, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { PlatformError } from "../../contracts/errors.ts";

/** The longest path that the kernel takes for a Unix socket: 108 bytes with the closing NUL, 104 on macOS. */
const MAX_PATH_BYTES = process.platform === "darwin" ? 103 : 107;

export class SocketPathTooLongError extends PlatformError {
  constructor(path: string) {
    super("GATEWAY_SOCKET_PATH_TOO_LONG", `socket path ${path} is longer than ${MAX_PATH_BYTES} bytes`, {
      remedy: "Give the gateway's SOCKET_PATH, or a worker's RUNTIME_DIR, a folder with a shorter path.",
      status: 500,
    });
  }
}

export class SocketInUseError extends PlatformError {
  constructor(path: string, what: string) {
    super("GATEWAY_SOCKET_IN_USE", `${path} ${what}`, {
      remedy: "Stop the other service, or give this one another SOCKET_PATH or RUNTIME_DIR.",
      status: 500,
    });
  }
}

/**
 * Listens on a Unix socket that every user of the machine may connect to: each sandbox has a user of its own, and who
 * may use the gateway is decided by the token. What a service that was killed left there is replaced.
 *
 * @throws SocketPathTooLongError, SocketInUseError
 */
export async function listenOnUnixSocket(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) throw new SocketPathTooLongError(path);
  await removeStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
  await chmod(path, 0o666);
}

async function removeStale(path: string): Promise<void> {
  const stats = await lstat(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new SocketInUseError(path, "exists and is no socket");
  if (await somebodyListens(path)) throw new SocketInUseError(path, "is used by a service that runs");
  await unlink(path);
}

function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    // Refused: the process that made the socket is gone. Anything else (no right, a full queue): somebody is there.
    probe.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}
