/**
 * What a policy pack costs for each resource: a preview of a stack with and without a pack of 10 policies, both at no
 * resources and at many. What grows between the two is the cost of the resources; what is there at none is the start.
 *
 *     node bench/engine-policy.ts [resources] [rounds]
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const command = fileURLToPath(new URL("../engine/bin/pulumi.mjs", import.meta.url));
const modules = fileURLToPath(new URL("../node_modules", import.meta.url));

const program = `
const pulumi = require("@pulumi/pulumi");
const provider = { create: async (inputs) => ({ id: "thing-" + inputs.n, outs: inputs }) };
class Thing extends pulumi.dynamic.Resource {
  constructor(name, args) { super(provider, name, args); }
}
for (let n = 0; n < Number(process.env.BENCH_RESOURCES); n += 1)
  new Thing("thing-" + n, { n, text: "a text of some length ".repeat(10), tags: { owner: "bench", size: n % 3 } });
`;

/** Eight checks, a remediation and a policy of the whole stack: all of them look, none of them finds anything. */
const pack = `
const { PolicyPack } = require("@pulumi/policy");
const checks = Array.from({ length: 8 }, (_, index) => ({
  name: "check-" + index, description: "Things have an owner.", enforcementLevel: "mandatory",
  validateResource(args, report) {
    if (args.props.text !== undefined && args.props.tags.owner !== "bench") report("no owner");
  },
}));
new PolicyPack("bench", { policies: [
  ...checks,
  { name: "cure", description: "Things have tags.", enforcementLevel: "remediate",
    remediateResource: (args) => args.props.text !== undefined && !args.props.tags ? { ...args.props, tags: {} } : undefined },
  { name: "whole", description: "There is not too much.", enforcementLevel: "mandatory",
    validateStack(args, report) { if (args.resources.length > 100_000) report("too much"); } },
] });
`;

async function prepare(folder: string): Promise<void> {
  const files = {
    "Pulumi.yaml": "name: bench\nruntime: { name: nodejs, options: { typescript: false } }\n",
    "package.json": '{ "name": "bench", "main": "index.js" }',
    "index.js": program,
    "pack/PulumiPolicy.yaml": "runtime: nodejs\n",
    "pack/package.json": '{ "name": "pack", "version": "1.0.0" }',
    "pack/index.js": pack,
  };
  for (const name of ["state", "pack"]) await mkdir(join(folder, name));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  await symlink(modules, join(folder, "node_modules"));
  await run(folder, 0, ["stack", "init", "dev"]);
}

/** @returns Milliseconds. */
async function run(folder: string, resources: number, args: readonly string[]): Promise<number> {
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
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}: ${said}`);
  return performance.now() - startedAt;
}

const [resources = 300, rounds = 5] = process.argv.slice(2).map(Number);
const variants = { "without a pack": [], "with a pack": ["--policy-pack", "pack"] } as const;
type Variant = keyof typeof variants;
const times = new Map<string, number[]>();

const folder = await mkdtemp(join(tmpdir(), "bench-engine-policy-"));
try {
  await prepare(folder);
  // The variants take turns, so that a machine that is slower for a while is so for all of them.
  for (let round = 0; round < rounds; round += 1)
    for (const [name, flags] of Object.entries(variants))
      for (const count of [0, resources]) {
        const key = `${name} ${count}`;
        times.set(key, [...(times.get(key) ?? []), await run(folder, count, ["preview", ...flags])]);
      }
} finally {
  await rm(folder, { recursive: true, force: true });
}

function median(name: Variant, count: number): number {
  const sorted = (times.get(`${name} ${count}`) ?? []).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const perResource = (name: Variant): number => (median(name, resources) - median(name, 0)) / resources;
for (const name of Object.keys(variants) as Variant[])
  console.log(
    `${name.padEnd(16)} start ${(median(name, 0) / 1_000).toFixed(2)} s, ` +
      `${resources} resources ${(median(name, resources) / 1_000).toFixed(2)} s, ${perResource(name).toFixed(2)} ms a resource`,
  );
const [bare, checked] = [perResource("without a pack"), perResource("with a pack")];
console.log(
  `ratio            ${(checked / bare).toFixed(2)} times the cost of a resource, ` +
    `${(checked - bare).toFixed(2)} ms more; ${((median("with a pack", 0) - median("without a pack", 0)) / 1_000).toFixed(2)} s more to start`,
);
