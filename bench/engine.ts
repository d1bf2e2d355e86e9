/**
 * What the embedded engine costs for each resource: preview, create, an update and a preview without changes, destroy,
 * in stacks of 100, 1,000 and 5,000 dynamic resources, and how that grows with the stack.
 *
 *     node bench/engine.ts [resources...]
 */
import { EngineProject, type Cost } from "./support/engine-project.ts";

const RATIO_AIM = 1.5;

/** What Pulumi 3.260 took for the same program on a machine with 2 cores, in seconds; the aim is a third. */
const pulumiSeconds: Readonly<Record<number, Partial<Record<Operation, number>>>> = {
  100: { preview: 7.9, create: 11, "no-change up": 8.9 },
  1_000: { preview: 22, create: 245, "no-change up": 24, destroy: 216 },
};

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

const operations = {
  preview: ["preview"],
  create: ["up", "--yes", "--skip-preview"],
  "no-change up": ["up", "--yes", "--skip-preview", "--expect-no-changes"],
  "no-change preview": ["preview", "--expect-no-changes"],
  destroy: ["destroy", "--yes", "--skip-preview"],
} as const;
type Operation = keyof typeof operations;

async function measureStack(resources: number): Promise<Record<Operation, Cost>> {
  const project = await EngineProject.create(program);
  try {
    const costs: Partial<Record<Operation, Cost>> = {};
    for (const [name, args] of Object.entries(operations))
      costs[name as Operation] = await project.run(args, { BENCH_RESOURCES: String(resources) });
    return costs as Record<Operation, Cost>;
  } finally {
    await project.remove();
  }
}

function line(name: Operation, size: number, cost: Cost, base: Cost, baseSize: number): string {
  const { milliseconds, processorMilliseconds, peakMegabytes } = cost;
  const cells = [
    name.padEnd(18),
    `${(milliseconds / 1_000).toFixed(1).padStart(6)} s`,
    `${(milliseconds / size).toFixed(1).padStart(6)} ms a resource`,
    `(processor ${(processorMilliseconds / size).toFixed(1).padStart(5)})`,
    `engine ${peakMegabytes.engine.toFixed(0)} MB, program ${peakMegabytes.program.toFixed(0)} MB,`,
    `provider ${peakMegabytes.provider.toFixed(0)} MB`,
  ];
  if (size !== baseSize) {
    const ratio = (of: (cost: Cost) => number): string => (of(cost) / size / (of(base) / baseSize)).toFixed(2);
    cells.push(
      `  ${ratio((one) => one.milliseconds)} x the time at ${baseSize},`,
      `${ratio((one) => one.processorMilliseconds)} x the processor time`,
    );
  }
  const theirs = pulumiSeconds[size]?.[name];
  if (theirs !== undefined) cells.push(`  ${(milliseconds / 1_000 / theirs).toFixed(2)} of Pulumi 3.260's`);
  return `  ${cells.join(" ")}`;
}

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100, 1_000, 5_000];
const smallest = Math.min(...sizes);
let smallestCosts: Record<Operation, Cost> | undefined;
console.log(`aims: a third of Pulumi 3.260's time; at most ${RATIO_AIM} x the time a resource of ${smallest}`);
for (const size of sizes.sort((a, b) => a - b)) {
  const costs = await measureStack(size);
  smallestCosts ??= costs;
  console.log(`\n${size} resources`);
  for (const name of Object.keys(operations) as Operation[])
    console.log(line(name, size, costs[name], smallestCosts[name], smallest));
}
