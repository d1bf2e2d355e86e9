import assert from "node:assert/strict";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ConcurrentUpdateError, CommandError, LocalWorkspace, type Stack } from "@pulumi/pulumi/automation/index.js";
import { things } from "../support/things.ts";
import { AutomationSandbox } from "./support/automation.ts";

describe("an update that runs", { timeout: 240_000 }, () => {
  let sandbox: AutomationSandbox;
  let stack: Stack;
  let gate: string;
  /** Resolves when an update says that it noticed the removal of its lock. */
  let noticed: () => void = () => undefined;
  const untilNoticed = new Promise<void>((resolve) => (noticed = resolve));
  before(async () => {
    sandbox = await AutomationSandbox.create();
    gate = join(sandbox.folder, "gate");
    const program = `${things}\nnew Thing("first", { gate: "gate" }); console.log("the program is at it");`;
    await writeFile(join(sandbox.work, "index.js"), program);
    stack = await LocalWorkspace.createStack(
      { stackName: "dev", workDir: sandbox.work },
      {
        ...sandbox.options,
        envVars: { ...sandbox.envVars, LEDGER: join(sandbox.folder, "ledger"), GATES: sandbox.folder },
        projectSettings: {
          name: "running",
          runtime: { name: "nodejs", options: { typescript: false } },
          main: "index.js",
        },
      },
    );
  });
  after(() => sandbox.remove());

  /** Starts an update; resolves when it waits at the gate. */
  async function atTheGate(signal?: AbortSignal): Promise<{ done: Promise<unknown> }> {
    let isThere: () => void = () => undefined;
    const there = new Promise<void>((resolve) => (isThere = resolve));
    const done = stack.up({
      onEvent: ({ resourcePreEvent }) => {
        if (resourcePreEvent?.metadata.urn.endsWith("::first")) isThere();
      },
      onError: (text) => {
        if (text.includes("lock was removed")) noticed();
      },
      ...(signal && { signal }),
    });
    done.catch(() => undefined);
    await Promise.race([there, done]);
    return { done };
  }

  it("keeps a second one out, and tells who holds the stack", async () => {
    const { done } = await atTheGate();
    await assert.rejects(stack.up(), (error) => {
      assert.ok(error instanceof ConcurrentUpdateError);
      assert.match(error.message, /created by .*\(pid \d+\)/);
      return true;
    });
    await writeFile(gate, "");
    await done;
    await stack.destroy();
  });

  it("is ended by an AbortSignal: what runs comes to its end, and the next update goes on", async () => {
    await rm(gate);
    const abort = new AbortController();
    const { done } = await atTheGate(abort.signal);
    abort.abort();
    await writeFile(gate, "");
    await assert.rejects(done, (error) => {
      assert.ok(error instanceof CommandError);
      assert.match(error.message, /exit code 8|update cancelled/);
      return true;
    });
    const { summary } = await stack.up();
    assert.equal(summary.result, "succeeded");
  });

  it("is ended by cancel, from another process: what runs comes to its end, and no lock is left", async () => {
    await stack.destroy();
    await rm(gate);
    const { done } = await atTheGate();
    const other = await LocalWorkspace.selectStack({ stackName: "dev", workDir: sandbox.work }, sandbox.options);
    await other.cancel();
    const locks = join(sandbox.folder, "state", ".pulumi", "locks", "organization", "running", "dev");
    assert.deepEqual(await readdir(locks).catch(() => []), []);
    await untilNoticed;
    await writeFile(gate, "");
    await assert.rejects(done, /The stack's lock was removed .*cancelling[\s\S]*update cancelled/);
    assert.equal((await stack.up()).summary.result, "succeeded");
    // where nothing runs there is nothing to cancel
    await stack.cancel();
  });
});
