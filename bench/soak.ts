/**
 * A day's soak compressed: 20,000 tasks through the whole platform on Redis, with what each process holds of memory and
 * file descriptors, and Redis of keys: `node bench/soak.ts [tasks]`. An hour of the day is a 24th of the tasks: what
 * Redis keeps for an hour ends after so many. Prints the end against the time after warm-up (a tenth of the tasks),
 * each the median of a tenth's samples. Aim: at most 1.2 times the memory; descriptors and lasting keys flat.
 */
import { Soak, type SoakSample } from "../tests/support/soak.ts";

const SAMPLES = 100;
/** Samples 10 to 19 against the last ten. */
const WINDOW = SAMPLES / 10;

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** `NODE_OPTIONS` of the services, such as `--heapsnapshot-signal=SIGUSR2`, to look for what grows. */
const serviceOptions = process.env["SOAK_NODE_OPTIONS"];

async function main(tasks: number): Promise<void> {
  const env = serviceOptions === undefined ? {} : { NODE_OPTIONS: serviceOptions };
  const soak = await Soak.start({ processEnv: { api: env, gateway: env, "worker-0": env } });
  try {
    const samples: SoakSample[] = [];
    const startedAt = performance.now();
    for (let index = 0; index < SAMPLES; index++) {
      await soak.run(tasks / SAMPLES, tasks);
      const sample = await soak.sample();
      samples.push(sample);
      if ((index + 1) % WINDOW === 0) console.log(line(sample, startedAt));
    }
    report(samples);
  } finally {
    await soak.stop();
  }
}

function line({ tasks, processes, keys }: SoakSample, startedAt: number): string {
  const held = Object.entries(processes).map(
    ([name, { megabytes, descriptors }]) => `${name} ${megabytes.toFixed(1)} MB ${descriptors} fds`,
  );
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(0);
  return `${tasks} tasks in ${seconds} s: ${held.join(", ")}; ${keys.lasting} keys and ${keys.expiring} that expire`;
}

function report(samples: readonly SoakSample[]): void {
  const [early, late] = [samples.slice(WINDOW, 2 * WINDOW), samples.slice(-WINDOW)];
  const print = (name: string, unit: string, pick: (sample: SoakSample) => number | undefined): void => {
    const [before, after] = [early, late].map((some) => median(some.map((sample) => pick(sample) ?? Number.NaN)));
    const ratio = ((after ?? 0) / (before ?? 0)).toFixed(2);
    console.log(`${name.padEnd(24)} ${before?.toFixed(1)} -> ${after?.toFixed(1)} ${unit}, ratio ${ratio}`);
  };
  for (const name of Object.keys(early[0]?.processes ?? {})) {
    print(name, "MB", ({ processes }) => processes[name]?.megabytes);
    print(`${name}, descriptors`, "fds", ({ processes }) => processes[name]?.descriptors);
  }
  print("PostgreSQL's processes", "", ({ connections }) => connections);
  print("Redis, lasting keys", "keys", ({ keys }) => keys.lasting);
  print("Redis, expiring keys", "keys", ({ keys }) => keys.expiring);
}

await main(Number(process.argv[2] ?? 20_000));
