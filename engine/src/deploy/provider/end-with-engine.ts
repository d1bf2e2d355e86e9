/**
 * Loaded into the Node processes that the engine starts (`--import`): they end when the engine is gone, even when it
 * was killed and could not end them. File descriptor 3 is a pipe that only the engine holds open.
 *
 * `?cache=<folder>` names the engine's compile cache, where it has one: the SDK then loads in half the time. It is not
 * told by an environment variable, which everything that the program starts would inherit.
 */
import { enableCompileCache } from "node:module";
import { Socket } from "node:net";
import { isMainThread } from "node:worker_threads";

const cache = new URL(import.meta.url).searchParams.get("cache");
if (cache !== null) enableCompileCache(cache);

if (isMainThread) {
  const lifeline = new Socket({ fd: 3, readable: true, writable: false });
  lifeline.on("error", () => process.exit(1));
  lifeline.on("end", () => process.exit(1));
  lifeline.resume();
  lifeline.unref();
}
