import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import * as pulumi from "@pulumi/pulumi";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { ended } from "../support/pulumi.ts";
import { AutomationSandbox, kindOf } from "./support/automation.ts";
import { FakeThing } from "./support/fake-thing.ts";

const failingPrograms = fileURLToPath(new URL("./support/failing-programs.ts", import.meta.url));

describe("an inline program", { timeout: 240_000 }, () => {
  let sandbox: AutomationSandbox;
  before(async () => {
    sandbox = await AutomationSandbox.create();
  });
  after(() => sandbox.remove());

  it("gets its configuration, and gives outputs with secrets marked", async () => {
    const seen: unknown[] = [];
    const stack = await sandbox.inline("values", async () => {
      const config = new pulumi.Config();
      const plain: string = config.require("plain");
      seen.push([pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack(), pulumi.runtime.isDryRun()]);
      return {
        plain,
        list: config.requireObject<unknown>("list"),
        word: config.requireSecret("word"),
        later: pulumi.output(Promise.resolve({ deep: [1, pulumi.secret(2)] })),
      };
    });
    await stack.setAllConfig({ plain: { value: "-x=y" }, word: { value: "hunter2", secret: true } });
    await stack.setAllConfig({ "list[0]": { value: "one" }, "list[1].two": { value: "2" } }, true);

    const previewed = await stack.preview();
    assert.deepEqual(previewed.changeSummary, { create: 1 });
    const { outputs, summary, stdout } = await stack.up();

    assert.deepEqual(outputs, {
      plain: { value: "-x=y", secret: false },
      list: { value: ["one", { two: 2 }], secret: false },
      word: { value: "hunter2", secret: true },
      later: { value: { deep: [1, 2] }, secret: true },
    });
    assert.deepEqual(seen, [
      ["organization", "inline", "values", true],
      ["organization", "inline", "values", false],
    ]);
    assert.equal(summary.kind, "update");
    assert.equal(summary.result, "succeeded");
    assert.deepEqual(summary.resourceChanges, { create: 1 });
    assert.ok(!stdout.includes("hunter2"));
  });

  it("makes, changes and deletes resources of plugins and of dynamic providers", async () => {
    const provider: pulumi.dynamic.ResourceProvider = {
      async create(inputs: { n: number }) {
        return { id: "dynamic", outs: { n: inputs.n, twice: inputs.n * 2 } };
      },
    };
    const program = (n: number) => async () => {
      const fake = new FakeThing("fake", { name: "fake", size: n });
      const dynamic = new Dynamic(provider, "dynamic", { n, twice: undefined });
      return { full: fake.full, twice: dynamic.twice };
    };
    const stack = await sandbox.inline("resources", program(1));
    assert.deepEqual((await stack.up()).outputs["twice"]?.value, 2);
    const second = await stack.up({ program: program(2) });
    assert.deepEqual(second.summary.resourceChanges, { same: 1, update: 2 });
    const destroyed = await stack.destroy();
    assert.equal(destroyed.summary.result, "succeeded");
    assert.deepEqual(await sandbox.ledger(), [
      "configure",
      "create fake",
      "configure",
      "update fake",
      "configure",
      "delete fake",
    ]);
  });

  it("that throws fails the operation with its message, and the stack keeps what it has", async () => {
    // in a process of its own: what such programs leave unhandled is no failure of this one
    const child = spawn(process.execPath, [failingPrograms], { stdio: ["ignore", "pipe", "pipe"] });
    const { code, stderr } = await ended(child);
    assert.equal(code, 0, stderr);
  });

  it("is told of by events: numbered without gaps, in order, each of one kind, and complete", async () => {
    const count = 50;
    const stack = await sandbox.inline("events", async () => {
      for (let n = 0; n < count; n += 1) new pulumi.ComponentResource("test:index:Part", `part-${n}`);
      void pulumi.log.warn("a warning");
      console.log("inline programs print where they run");
      return { word: pulumi.secret("hunter2") };
    });
    const events: EngineEvent[] = [];
    const { summary } = await stack.up({ onEvent: (event) => events.push(event) });

    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_, index) => index),
    );
    const kinds = events.map(kindOf);
    assert.equal(kinds[0], "preludeEvent");
    assert.deepEqual(kinds.slice(-2), ["summaryEvent", "cancelEvent"]);
    for (const [kind, times] of [
      ["resourcePreEvent", count + 1],
      ["summaryEvent", 1],
      ["cancelEvent", 1],
    ] as const)
      assert.equal(kinds.filter((other) => other === kind).length, times, kind);
    const finished = new Set(events.flatMap(({ resOutputsEvent }) => resOutputsEvent?.metadata.urn ?? []));
    assert.equal(finished.size, count + 1);
    for (const { resourcePreEvent, resOutputsEvent } of events) {
      const { metadata } = resourcePreEvent ?? resOutputsEvent ?? {};
      if (metadata === undefined) continue;
      assert.ok(
        metadata.op === "create" && metadata.type !== "" && metadata.urn.startsWith("urn:pulumi:events::inline::"),
      );
      assert.equal(metadata.old ?? null, null);
      assert.equal(metadata.new?.urn, metadata.urn);
    }
    const warnings = events.filter(({ diagnosticEvent }) => diagnosticEvent?.severity === "warning");
    assert.deepEqual(
      warnings.map(({ diagnosticEvent }) => diagnosticEvent?.message.trim()),
      ["a warning"],
    );
    const summaryEvent = events.at(-2)?.summaryEvent;
    assert.deepEqual(summaryEvent?.resourceChanges, summary.resourceChanges);
    assert.ok(!JSON.stringify(events).includes("hunter2"));
  });
});

class Dynamic extends pulumi.dynamic.Resource {
  declare readonly twice: pulumi.Output<number>;
}
