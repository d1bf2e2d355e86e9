import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as pulumi from "@pulumi/pulumi";
import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { AutomationSandbox } from "./support/automation.ts";
import { FakeThing } from "./support/fake-thing.ts";

describe("inline programs of one process", { timeout: 240_000 }, () => {
  it("run side by side, ten stacks at once, each with its own configuration, resources and events", async () => {
    const sandbox = await AutomationSandbox.create();
    try {
      const names = Array.from({ length: 10 }, (_, n) => `stack-${n}`);
      const results = await Promise.all(
        names.map(async (name) => {
          const stack = await sandbox.inline(
            name,
            async () => {
              const fake = new FakeThing("thing", { name: pulumi.output(pulumi.getStack()), size: 1 });
              const own: string = new pulumi.Config().require("own");
              return {
                stack: pulumi.getStack(),
                project: pulumi.getProject(),
                full: fake.full,
                own,
              };
            },
            `project-${name}`,
          );
          await stack.setConfig("own", { value: name });
          const events: EngineEvent[] = [];
          const { outputs } = await stack.up({ onEvent: (event) => events.push(event), parallel: 2 });
          const urns = events.flatMap(({ resourcePreEvent }) => resourcePreEvent?.metadata.urn ?? []);
          return {
            name,
            outputs,
            foreign: urns.filter((urn) => !urn.startsWith(`urn:pulumi:${name}::project-${name}::`)),
          };
        }),
      );
      for (const { name, outputs, foreign } of results) {
        const values = Object.fromEntries(Object.entries(outputs).map(([key, { value }]) => [key, value as unknown]));
        assert.deepEqual(values, { stack: name, project: `project-${name}`, full: name, own: name });
        assert.deepEqual(foreign, []);
      }
      assert.deepEqual(
        (await sandbox.ledger()).filter((line) => line.startsWith("create ")).sort(),
        names.map((name) => `create ${name}`),
      );
    } finally {
      await sandbox.remove();
    }
  });
});
