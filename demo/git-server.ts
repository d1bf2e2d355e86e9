import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** A real git server on a loopback port, over git's own HTTP backend. */
export interface GitServer {
  /** `http://127.0.0.1:<port>`; a bare repository `<root>/shop.git` is at `<url>/shop.git`. */
  readonly url: string;
  readonly port: number;
  /** Every request so far, as `GET /shop.git/info/refs?service=git-upload-pack`. */
  readonly requests: readonly string[];
  /** Ends the server, its connections and the git processes it started. */
  stop(): Promise<void>;
}

/** Serves every bare repository below a folder for clone, fetch and push, without asking who is there. */
export async function startGitServer(rootDir: string, options: { readonly host?: string } = {}): Promise<GitServer> {
  const host = options.host ?? "127.0.0.1";
  const backend = join(execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim(), "git-http-backend");
  const requests: string[] = [];
  const children = new Set<ChildProcess>();
  const server = createServer((request, response) => {
    requests.push(`${request.method ?? ""} ${request.url ?? ""}`);
    const child = spawn(backend, { env: cgiEnvironment(rootDir, request), stdio: ["pipe", "pipe", "ignore"] });
    children.add(child);
    child.on("close", () => children.delete(child));
    child.on("error", () => response.destroy());
    child.stdin.on("error", () => undefined); // git closes its input when it has read enough
    request.pipe(child.stdin);
    response.on("close", () => child.kill());
    relayCgi(child.stdout, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, host, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    port,
    requests,
    async stop() {
      for (const child of children) child.kill("SIGKILL");
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function cgiEnvironment(rootDir: string, request: IncomingMessage): NodeJS.ProcessEnv {
  const url = new URL(request.url ?? "/", "http://git.invalid");
  const header = (name: string) => request.headers[name]?.toString();
  const config = { "http.receivepack": "true", "safe.directory": "*" };
  return {
    PATH: process.env["PATH"],
    GIT_PROJECT_ROOT: rootDir,
    GIT_HTTP_EXPORT_ALL: "1",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_COUNT: String(Object.keys(config).length),
    ...Object.fromEntries(
      Object.entries(config).flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
    REQUEST_METHOD: request.method,
    PATH_INFO: decodeURIComponent(url.pathname),
    QUERY_STRING: url.search.slice(1),
    CONTENT_TYPE: header("content-type") ?? "",
    ...(header("content-length") !== undefined && { CONTENT_LENGTH: header("content-length") }),
    ...(header("content-encoding") !== undefined && { HTTP_CONTENT_ENCODING: header("content-encoding") }),
    ...(header("git-protocol") !== undefined && { GIT_PROTOCOL: header("git-protocol") }),
    REMOTE_ADDR: request.socket.remoteAddress,
    REMOTE_USER: "tester",
  };
}

/** Copies a CGI answer: headers up to an empty line, `Status:` among them, then the body as it comes. */
function relayCgi(output: NodeJS.ReadableStream, response: ServerResponse): void {
  let head = Buffer.alloc(0);
  const onData = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    output.off("data", onData);
    for (const line of head.subarray(0, end).toString("latin1").split("\r\n")) {
      const colon = line.indexOf(":");
      const [name, value] = [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
      if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value, 10);
      else response.appendHeader(name, value);
    }
    response.write(head.subarray(end + 4));
    output.pipe(response);
  };
  output.on("data", onData);
  output.on("end", () => response.end());
}
