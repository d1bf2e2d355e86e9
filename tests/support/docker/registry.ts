/** A registry in the daemon's network namespace, at a loopback address that leads to it from outside as well. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { hash } from "bcryptjs";
import { end } from "./processes.ts";
import { programFile } from "./requirements.ts";

export interface RegistryOptions {
  /** Who may push and pull. @default everyone */
  readonly user?: { readonly name: string; readonly password: string };
}

export interface TestRegistry {
  /** `127.0.0.1:<port>`, as it stands before an image's name. */
  readonly address: string;
  stop(): Promise<void>;
}

interface Place extends RegistryOptions {
  readonly folder: string;
  /** A process in the network namespace. */
  readonly namespaceOf: number;
}

export async function startRegistry({ folder, namespaceOf, user }: Place): Promise<TestRegistry> {
  const home = await mkdtemp(path.join(folder, "registry-"));
  const socket = path.join(home, "in");
  const { server, port } = await forwardTo(socket);
  const address = `127.0.0.1:${port}`;
  await writeConfig(home, address, user);
  const inside = (program: "socat" | "docker-registry", ...args: string[]): ChildProcess =>
    spawn(programFile("nsenter"), [`--net=/proc/${namespaceOf}/ns/net`, programFile(program), ...args], {
      stdio: "ignore",
    });
  const processes = [
    inside("docker-registry", "serve", path.join(home, "config.yml")),
    inside("socat", `UNIX-LISTEN:${socket},fork`, `TCP:${address}`),
  ];
  const stop = async (): Promise<void> => {
    server.close();
    await Promise.all(processes.map(end));
  };
  const broken = (): boolean => processes.some(({ exitCode }) => exitCode !== null);
  while (!(await answers(address))) {
    if (broken()) throw new Error(`the registry at ${address} did not start`);
    await setTimeout(50);
  }
  return { address, stop };
}

/** What comes to a port of this machine goes on through a socket file, which no namespace hides. */
async function forwardTo(socket: string): Promise<{ server: Server; port: number }> {
  const server = createServer((outer) => {
    const inner = connect(socket);
    const join = (from: Socket, to: Socket): void => {
      from.pipe(to);
      from.on("error", () => to.destroy());
    };
    join(outer, inner);
    join(inner, outer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function writeConfig(home: string, address: string, user: RegistryOptions["user"]): Promise<void> {
  const storage = path.join(home, "storage");
  await mkdir(storage);
  const passwords = path.join(home, "htpasswd");
  if (user) await writeFile(passwords, `${user.name}:${(await hash(user.password, 4)).replace("$2b$", "$2y$")}\n`);
  const config = {
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
    http: { addr: address },
    ...(user && { auth: { htpasswd: { realm: "test", path: passwords } } }),
  };
  // JSON is YAML.
  await writeFile(path.join(home, "config.yml"), JSON.stringify(config));
}

async function answers(address: string): Promise<boolean> {
  return fetch(`http://${address}/v2/`).then(
    (response) => response.status === 200 || response.status === 401,
    () => false,
  );
}
