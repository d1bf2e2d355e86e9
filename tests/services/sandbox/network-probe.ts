/** Runs in a network namespace of its own: binds addresses there, and tries to reach them with and without a sandbox. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import { NoneSandbox } from "../../../services/sandbox/none-sandbox.ts";
import type { Sandbox, SandboxProfile } from "../../../services/sandbox/sandbox.ts";
import { Playground, run, startSocket } from "./support.ts";

const ADDRESSES = ["127.0.0.1", "169.254.169.254", "10.1.2.3", "192.168.7.7", "172.16.5.5", "100.100.100.200"];
const CONNECT = `import errno, socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
    print("connected", end="")
except OSError as error: print(errno.errorcode.get(error.errno, str(error)), end="")`;

execFileSync("ip", ["link", "set", "lo", "up"]);
for (const address of ADDRESSES.slice(1)) execFileSync("ip", ["addr", "add", `${address}/32`, "dev", "lo"]);

const playground = new Playground();
const sandbox = createSandbox("bubblewrap", { runtimeDir: playground.runtimeDir });
const bare = new NoneSandbox({ path: "/usr/bin:/bin" });
const server = createServer((socket) => socket.on("error", () => undefined).end()).listen(0, "0.0.0.0");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
const socketPath = join(playground.folder, "gateway.sock");
const gateway = await startSocket(socketPath, "");

const profile = playground.makeWorkspace();
const online = { ...profile, gateway: { socketPath, token: "test" } };
const connect = async (where: Sandbox, how: SandboxProfile, address: string) =>
  (await run(where, how, ["/usr/bin/python3", "-c", CONNECT, address, String(port)])).stdout;
const attempts: Record<string, string>[] = [];
for (const address of ADDRESSES) {
  attempts.push({
    address,
    bare: await connect(bare, playground.makeWorkspace(), address),
    sandboxed: await connect(sandbox, profile, address),
    withGateway: await connect(sandbox, online, address),
  });
}
console.log(JSON.stringify(attempts));
server.close();
gateway.server.close();
playground.remove();
