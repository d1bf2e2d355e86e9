/**
 * What the embedded engine costs for each resource: create, an update and a preview without changes, destroy, in stacks
 * of 100 and 1,000 dynamic resources, and how that grows from the one to the other.
 *
 *     node bench/engine.ts [resources...]
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../engine/bin/pulumi.mjs", import.meta.url));
const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
const pollMilliseconds = 50;

/** Half of the resources depend on the one before: a stack is neither all side by side nor one chain. */
const program = `
const pulumi = require("@pulumi/pulumi");
const provider = {
  create: async (inputs) => ({ id: "thing-" + inputs.n, outs: { ...inputs, twice: inputs.n * 2 } }),
};
class Thing extends pulumi.dynamic.Resource {
  constructor(name, args, opts) { super(provider, name, { twice: undefined, ...args }, opts); }
}
let before;
for (let n = 0; n < Number(process.env.BENCH_RESOURCES); n += 1) {
  const thing = new Thing("thing-" + n, { n, text: "a text of some length ".repeat(10), of: n % 2 ? before.twice : 0 });
  before = thing;
}
`;

interface Measure {
  readonly milliseconds: number;
  /** Peak resident memory of the engine's process. */
  readonly peakMegabytes: number;
}

const operations = {
  preview: ["preview"],
  create: ["up", "--yes", "--skip-preview"],
  "no-change up": ["up", "--yes", "--skip-preview", "--expect-no-changes"],
  "no-change preview": ["preview", "--expect-no-changes"],
  destroy: ["destroy", "--yes", "--skip-preview"],
} as const;
type Operation = keyof typeof operations;

async function measureStack(resources: number): Promise<Record<Operation, Measure>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-engine-"));
  try {
    await mkdir(join(folder, "state"));
    await writeFile(
      join(folder, "Pulumi.yaml"),
      "name: bench\nruntime: { name: nodejs, options: { typescript: false } }\n",
    );
    await writeFile(join(folder, "package.json"), '{ "name": "bench", "main": "index.js" }');
    await writeFile(join(folder, "index.js"), program);
    await symlink(modules, join(folder, "node_modules"));
    await run(folder, resources, ["stack", "init", "dev"]);
    const measures: Partial<Record<Operation, Measure>> = {};
    for (const [name, args] of Object.entries(operations))
      measures[name as Operation] = await run(folder, resources, args);
    return measures as Record<Operation, Measure>;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(folder: string, resources: number, args: readonly string[]): Promise<Measure> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [command, ...args, "--non-interactive"], {
    cwd: folder,
    env: {
      ...process.env,
      AUTOMATOS_ENGINE: "embedded",
      BENCH_RESOURCES: String(resources),
      PULUMI_BACKEND_URL: `file://${join(folder, "state")}`,
      PULUMI_CONFIG_PASSPHRASE: "bench",
      PULUMI_HOME: join(folder, "home"),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  let peakMegabytes = 0;
  const poll = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, residentMegabytes(child.pid));
  }, pollMilliseconds);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  clearInterval(poll);
  if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}: ${said}`);
  return { milliseconds: performance.now() - startedAt, peakMegabytes };
}

/** The high-water mark that Linux keeps; 0 elsewhere. */
function residentMegabytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid ?? 0}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100, 1_000];
const results = new Map<number, Record<Operation, Measure>>();
for (const size of sizes) results.set(size, await measureStack(size));

const smallest = Math.min(...sizes);
for (const [size, measures] of results) {
  console.log(`\n${size} resources`);
  for (const [name, { milliseconds, peakMegabytes }] of Object.entries(measures)) {
    const perResource = milliseconds / size;
    const base = (results.get(smallest)?.[name as Operation].milliseconds ?? 0) / smallest;
    const ratio = size === smallest ? "" : `  ${(perResource / base).toFixed(2)} x that at ${smallest}`;
    console.log(
      `  ${name.padEnd(18)} ${(milliseconds / 1_000).toFixed(1).padStart(7)} s  ` +
        `${perResource.toFixed(1).padStart(6)} ms a resource  ${peakMegabytes.toFixed(0).padStart(4)} MB${ratio}`,
    );
  }
}
