import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endAllDaemons } from "../../../components/local/daemon-resource.ts";
import type { ServiceInputs } from "../../../components/local/service-provider.ts";
import { freePorts } from "../../support/ports.ts";

/** A service as small as can be; MODE says how it behaves. It writes the number of each process into `starts`. */
const PROGRAM = `
import { spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
const { MODE, PORT } = process.env;
appendFileSync("starts", process.pid + "\\n");
console.log("stand-in starts in mode", MODE);
if (MODE === "dies") {
  console.error("the reason is in the log");
  process.exit(3);
}
if (MODE === "has-child") {
  const child = spawn("sleep", ["600"], { stdio: "ignore" });
  appendFileSync("children", child.pid + "\\n");
}
if (MODE === "is-stubborn") process.on("SIGTERM", () => {});
createServer((request, response) => {
  const ready = request.url === "/readyz" && MODE !== "is-never-ready";
  response.writeHead(ready ? 200 : 503).end(JSON.stringify(process.env));
}).listen(Number(PORT), "127.0.0.1");
`;

/** A project's folder with a service in it. */
export interface StandInProject {
  readonly dir: string;
  /** Numbers of all processes that were ever started, in order. */
  starts(): number[];
  children(): number[];
  inputs(mode?: string): ServiceInputs;
  remove(): Promise<void>;
}

export async function makeStandInProject(): Promise<StandInProject> {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "automatos-local-")));
  mkdirSync(join(dir, "services", "stand-in"), { recursive: true });
  writeFileSync(join(dir, "services", "stand-in", "main.mjs"), PROGRAM);
  const [port = 0] = await freePorts(1);
  const numbersIn = (file: string) => {
    try {
      return readFileSync(join(dir, file), "utf8").trim().split("\n").map(Number);
    } catch {
      return [];
    }
  };
  return {
    dir,
    starts: () => numbersIn("starts"),
    children: () => numbersIn("children"),
    inputs: (mode = "works") => ({
      name: "stand-in",
      program: "services/stand-in/main.mjs",
      nodeFlags: [],
      env: { MODE: mode, PORT: String(port), DATA_DIR: "{project}/data" },
      port,
      portKey: "ports.standIn",
      sourceHash: "1",
      stopGraceSeconds: 30,
      readyTimeoutSeconds: 30,
    }),
    async remove() {
      await endAllDaemons(dir);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
