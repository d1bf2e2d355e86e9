import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { endAllDaemons } from "../../components/local/daemon-resource.ts";
import { startTimeOf } from "../../components/local/process-table.ts";
import { makeStackProject, type StackProject } from "./stack-project.ts";

const MOMENTS = 10;
/** Lines that an `up` of this stack prints, from its first word to its last resource. */
const LINES = 18;
/** Resources: the stack, the platform, its secrets, the database, its migration, three services, and their provider. */
const RESOURCES = 15;

describe("an up that is killed with -9", () => {
  let project: StackProject;

  before(async () => {
    project = await makeStackProject();
  });
  afterEach(async () => {
    await endAllDaemons(project.dir);
    for (const folder of [".pulumi", ".automatos", "starts"]) {
      rmSync(path.join(project.dir, folder), { recursive: true, force: true });
    }
  });
  after(() => project.remove());

  /** Kills the engine alone, after a line of its output and a little more: what it started lives on. */
  const killAt = async (line: number, extraMs: number): Promise<void> => {
    const up = project.spawnPulumi("up", "--stack", "dev", "--yes", "--skip-preview");
    up.stderr?.resume();
    let seen = 0;
    const reached = new Promise<void>((resolve) => {
      createInterface({ input: up.stdout ?? process.stdin }).on("line", () => {
        seen += 1;
        if (seen === line) resolve();
      });
    });
    const ended = once(up, "exit");
    await Promise.race([reached, ended]);
    await delay(extraMs);
    up.kill("SIGKILL");
    await ended;
  };
  const processesOf = (word: string): number[] =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && startTimeOf(Number(name)) !== undefined)
      .filter((name) => commandOf(name).includes(word))
      .map(Number);
  const servicesAlive = async () => (await project.starts()).filter(({ pid }) => startTimeOf(pid) !== undefined);

  for (let moment = 1; moment <= MOMENTS; moment += 1) {
    const line = randomInt(1, LINES + 1);
    const extraMs = randomInt(0, 400);
    it(`is finished by the next one, nothing made twice (${moment}: ${extraMs} ms after line ${line})`, async () => {
      assert.equal((await project.pulumi("stack", "init", "dev")).code, 0);
      await killAt(line, extraMs);
      const { code, output } = await project.pulumi("up", "--stack", "dev", "--yes", "--skip-preview");
      assert.equal(code, 0, output);

      const { resources } = await project.state();
      assert.equal(resources.length, RESOURCES, output);
      assert.equal(new Set(resources.map(({ urn }) => urn)).size, RESOURCES);
      const starts = (await project.starts()).map(({ program }) => program).sort();
      assert.deepEqual(starts, ["services/api/main.ts", "services/gateway/main.ts", "services/worker/main.ts"], output);
      assert.equal((await servicesAlive()).length, 3);
      assert.equal(processesOf(`port=${project.ports.postgres}`).length, 1, "one database server");

      if (moment === MOMENTS) {
        const again = await project.pulumi("up", "--stack", "dev", "--yes", "--skip-preview", "--expect-no-changes");
        assert.equal(again.code, 0, again.output);
      }

      await endAllDaemons(project.dir);
      assert.deepEqual(inFolder(project.dir), [], "no process is left, the killed engine's own included");
    });
  }
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it ended meanwhile
  }
}

/** Command lines of processes that work in a folder. */
function inFolder(dir: string): string[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      return readlinkSync(`/proc/${name}/cwd`).startsWith(dir) && startTimeOf(Number(name)) !== undefined
        ? [commandOf(name).replaceAll("\0", " ")]
        : [];
    } catch {
      return []; // no process, or one that ended meanwhile
    }
  });
}
