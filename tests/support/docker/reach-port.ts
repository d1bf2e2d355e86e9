/** A port in a test daemon's network namespace as a Unix socket of this machine. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { TestDaemon } from "./daemon.ts";
import { end } from "./processes.ts";
import { programFile } from "./requirements.ts";

export interface ReachedPort {
  /** Path of the socket. */
  readonly socket: string;
  stop(): Promise<void>;
}

/** @param address `127.0.0.1:8080`, as it is published in the namespace. */
export async function reachPort(daemon: TestDaemon, address: string): Promise<ReachedPort> {
  const folder = path.dirname(daemon.host.replace("unix://", ""));
  const pid = readFileSync(path.join(folder, "dockerd.pid"), "utf8").trim();
  const socket = path.join(folder, address.replace(":", "-"));
  const inside = spawn(
    programFile("nsenter"),
    // prettier-ignore
    [`--net=/proc/${pid}/ns/net`, programFile("socat"), "-d", "-d", `UNIX-LISTEN:${socket},fork`, `TCP:${address}`],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const listening = new Promise<void>((resolve) => {
    inside.stderr.on("data", (said: Buffer) => {
      if (said.includes("listening on")) resolve();
    });
  });
  await Promise.race([listening, once(inside, "exit").then(() => Promise.reject(new Error("socat ended")))]);
  return { socket, stop: () => end(inside) };
}
