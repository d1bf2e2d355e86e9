import { spawn } from "node:child_process";
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { RailwayConfig } from "../../../../contracts/railway-config.ts";
import { TOKEN } from "./server.ts";

const ROOT = path.resolve(import.meta.dirname, "../../../..");

interface Finished {
  readonly code: number | null;
  readonly output: string;
}

export interface Resource {
  readonly urn: string;
  readonly type: string;
  readonly id?: string;
  readonly outputs: Record<string, unknown>;
}

export interface RailwayStack {
  /** Runs the project's `pulumi` on its stack to its end. */
  pulumi(...args: readonly string[]): Promise<Finished>;
  configure(settings: RailwayConfig): Promise<void>;
  state(): Promise<{ readonly resources: readonly Resource[]; readonly text: string }>;
  remove(): Promise<void>;
}

/** A project of the real stack, components and engine in a folder of its own, whose Railway is at an address. */
export async function makeRailwayStack(railwayUrl: string): Promise<RailwayStack> {
  const dir = await realpath(await mkdtemp(path.join(tmpdir(), "automatos-railway-")));
  for (const name of ["components", "contracts", "stacks"]) {
    await cp(path.join(ROOT, name), path.join(dir, name), { recursive: true });
  }
  await symlink(path.join(ROOT, "node_modules"), path.join(dir, "node_modules"));
  const write = (file: string, text: string) => writeFile(path.join(dir, file), text);
  await write("package.json", '{ "type": "module", "imports": { "#components/*": "./components/*" } }');
  await write(
    "Pulumi.yaml",
    "name: automatos\nruntime: { name: nodejs, options: { typescript: false } }\nmain: stacks/\n",
  );

  const run = (...args: readonly string[]): Promise<Finished> => {
    const child = spawn(process.execPath, [path.join(ROOT, "engine/bin/pulumi.mjs"), ...args, "--non-interactive"], {
      cwd: dir,
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        AUTOMATOS_ENGINE: "embedded",
        NO_COLOR: "1",
        PULUMI_BACKEND_URL: `file://${dir}`,
        PULUMI_CONFIG_PASSPHRASE: "correct horse",
        PULUMI_HOME: path.join(dir, "home"),
        PULUMI_STACK: "dev",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const collect = (chunk: Buffer) => (output += chunk.toString());
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        resolve({ code, output });
      });
    });
  };
  const must = async (...args: readonly string[]) => {
    const { code, output } = await run(...args);
    if (code !== 0) throw new Error(output);
  };
  await must("stack", "init", "dev");
  await must("config", "set", "railwayUrl", railwayUrl);
  await must("config", "set", "railwayRequestsPerSecond", "50");
  await must("config", "set", "--secret", "railwayToken", TOKEN);

  return {
    pulumi: run,
    configure: (settings) => must("config", "set", "settings", JSON.stringify(settings)),
    async state() {
      const text = await readFile(path.join(dir, ".pulumi", "stacks", "automatos", "dev.json"), "utf8");
      const { checkpoint } = JSON.parse(text) as { checkpoint: { latest?: { resources?: Resource[] } } };
      return { resources: checkpoint.latest?.resources ?? [], text };
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
