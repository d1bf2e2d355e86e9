/**
 * Loaded into the Node processes that the engine starts (`--import`): they end when the engine is gone, even when it
 * was killed and could not end them. File descriptor 3 is a pipe that only the engine holds open.
 */
import { Socket } from "node:net";
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  const lifeline = new Socket({ fd: 3, readable: true, writable: false });
  lifeline.on("error", () => process.exit(1));
  lifeline.on("end", () => process.exit(1));
  lifeline.resume();
  lifeline.unref();
}
