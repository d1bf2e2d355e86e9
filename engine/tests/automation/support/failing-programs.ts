/** Run by itself: inline programs that fail. Ends with 0 when each failed as it should, and the stack kept what it has. */
import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { CommandError } from "@pulumi/pulumi/automation/index.js";
import { AutomationSandbox, urnsOf } from "./automation.ts";

// the SDK hands on to the process what it told the engine
process.on("unhandledRejection", () => undefined);
process.on("uncaughtException", () => undefined);

async function main(sandbox: AutomationSandbox): Promise<void> {
  let trouble: (() => unknown) | undefined;
  const stack = await sandbox.inline("failing", async () => {
    new pulumi.ComponentResource("test:index:Kept", "kept");
    await trouble?.();
    return { made: true };
  });
  await stack.up();
  const rows: readonly (readonly [RegExp, () => unknown])[] = [
    [
      /top level trouble/,
      () => {
        throw new Error("top level trouble");
      },
    ],
    [
      /told to the user/,
      () => {
        throw new pulumi.RunError("told to the user");
      },
    ],
    [
      /apply trouble/,
      () =>
        void pulumi.output(1).apply(() => {
          throw new Error("apply trouble");
        }),
    ],
    [/nobody catches this/, () => void Promise.reject(new Error("nobody catches this"))],
  ];
  for (const [message, fails] of rows) {
    trouble = fails;
    await assert.rejects(stack.up(), (error) => {
      assert.ok(error instanceof CommandError);
      assert.match(error.message, message);
      return true;
    });
    trouble = undefined;
    const urns = await urnsOf(stack);
    assert.ok(
      urns.some((urn) => urn.endsWith("::kept")),
      String(message),
    );
    assert.deepEqual((await stack.preview()).changeSummary, { same: 2 });
  }
  assert.equal((await stack.info())?.result, "failed");
}

const sandbox = await AutomationSandbox.create();
try {
  await main(sandbox);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await sandbox.remove();
}
