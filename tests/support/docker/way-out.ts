/**
 * The one way out of a test daemon's network namespace: an HTTP proxy for builds, so that apt, pip and npm reach their
 * indexes as they do on this machine. Containers that are not given its address, or not the daemon's own network, have
 * none.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { end } from "./processes.ts";
import { programFile } from "./requirements.ts";

export interface WayOut {
  /** `http://127.0.0.1:<port>`, for builds with `network: host`. */
  readonly url: string;
  stop(): Promise<void>;
}

export async function openWayOut(place: { readonly folder: string; readonly namespaceOf: number }): Promise<WayOut> {
  const socket = path.join(place.folder, "way-out");
  const proxy = createServer();
  const open = new Set<Socket>();
  const join = (inner: Socket, outer: Socket): void => {
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => open.delete(one));
    }
  };
  proxy.on("connect", ({ url = "" }, client: Socket, head: Buffer) => {
    const [host = "", port = "443"] = url.split(":");
    const server = connect(Number(port), host);
    client.on("error", () => server.destroy());
    server.on("error", () => client.destroy());
    server.once("connect", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      if (head.length > 0) server.write(head);
      join(client, server);
    });
  });
  proxy.on("request", (asked, answer) => {
    const passed = request(asked.url ?? "", { method: asked.method, headers: asked.headers }, (found) => {
      answer.writeHead(found.statusCode ?? 502, found.headers);
      found.pipe(answer);
    });
    passed.on("error", () => answer.destroy());
    asked.pipe(passed);
  });
  proxy.listen(socket);
  await once(proxy, "listening");
  const { inside, port } = await listenInside(place.namespaceOf, socket);
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      proxy.close();
      proxy.closeAllConnections();
      for (const one of open) one.destroy();
      await end(inside);
    },
  };
}

/** The port is free whatever this machine uses: the namespace is the daemon's own. */
async function listenInside(namespaceOf: number, socket: string): Promise<{ inside: ChildProcess; port: number }> {
  const port = 3_142;
  const inside = spawn(
    programFile("nsenter"),
    [
      `--net=/proc/${namespaceOf}/ns/net`,
      programFile("socat"),
      "-d",
      "-d",
      `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`,
      `UNIX-CONNECT:${socket}`,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let said = "";
  inside.stderr.on("data", (text: Buffer) => (said = (said + text.toString()).slice(-4_096)));
  while (!said.includes("listening on")) {
    if (inside.exitCode !== null) throw new Error(`the way out of the daemon's namespace did not open:\n${said}`);
    await setTimeout(10);
  }
  return { inside, port };
}
