import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { startPlatform, type PlatformOptions, type TestPlatform } from "../../support/platform.ts";
import { redisIsMissing } from "../../support/redis.ts";
import { Load, TASKS, type LoadOptions, type LoadReport } from "./load.ts";

type Queue = NonNullable<PlatformOptions["queue"]>;

/** One row of the table of faults. */
export interface FaultRow {
  /** What happens, such as "kill -9 of a worker". */
  readonly name: string;
  /** Where the queues are; a row each. @default redis alone */
  readonly queues?: readonly Queue[];
  readonly platform?: PlatformOptions;
  readonly load?: LoadOptions;
  /** Does it, while a share of the tasks has ended and the others have not. */
  readonly inject: (platform: TestPlatform, load: Load) => Promise<void>;
  /**
   * How many tasks at most are started a second time: those that a fault may have met while they ran (`runningAt`).
   * With 0 no lease has to end, and one is so long that a machine under load loses none (30 s).
   */
  readonly startedAgain: number;
  /** What has become of the tasks. @default every one has completed */
  readonly expect?: (report: LoadReport, platform: TestPlatform) => Promise<void> | void;
  /** Makes what the platform runs on, and takes it away. */
  readonly around?: () => { readonly platform: PlatformOptions; readonly remove: () => void };
}

/** Lost workers are noticed sooner than by default, so that a row does not take minutes. */
export const LEASE_SECONDS = 5;
const SAFE_LEASE_SECONDS = 30;

const WORKERS = 2;
const CONCURRENCY = 4;
/** How many tasks may run in the moments of so many faults. */
export const runningAt = (faults: number): number => faults * WORKERS * CONCURRENCY;

const allCompleted = ({ statuses }: LoadReport): void => assert.deepEqual(statuses, { completed: TASKS });

/** Runs a load, lets the fault happen in its middle, and checks every promise afterwards. */
export async function describeFault(row: FaultRow): Promise<void> {
  for (const queue of row.queues ?? ["redis"]) {
    const skip = queue === "redis" ? await redisIsMissing() : false;
    describe(`${row.name} among ${TASKS} tasks over 50 workspaces, queues on ${queue}`, { skip }, () => {
      it("loses nothing, does nothing twice after its result stood, and leaves nothing behind", async (test) => {
        const around = row.around?.();
        try {
          const leaseSeconds = row.startedAgain === 0 ? SAFE_LEASE_SECONDS : LEASE_SECONDS;
          const options = { workers: WORKERS, leaseSeconds, queue, ...row.platform, ...around?.platform };
          const platform = await startPlatform({
            ...options,
            workerEnv: { WORKER_CONCURRENCY: String(CONCURRENCY), ...options.workerEnv },
          });
          try {
            const report = await run(row, platform);
            test.diagnostic(JSON.stringify(report));
            assert.deepEqual(report.broken, []);
            assert.equal(report.acknowledged, TASKS);
            const { startedAgain, doneAgain } = report;
            assert.ok(
              startedAgain <= row.startedAgain,
              `${startedAgain} started again, of ${row.startedAgain} at most`,
            );
            assert.ok(doneAgain <= startedAgain, `${doneAgain} done again, in ${startedAgain} second starts`);
            await (row.expect ?? allCompleted)(report, platform);
          } finally {
            await platform.stop();
          }
        } finally {
          around?.remove();
        }
      });
    });
  }
}

async function run(row: FaultRow, platform: TestPlatform): Promise<LoadReport> {
  const load = new Load(platform, { credential: true, ...row.load });
  try {
    await load.begin();
    await load.untilEnded(TASKS / 10);
    await row.inject(platform, load);
    return await load.finish();
  } finally {
    await load.close();
  }
}
