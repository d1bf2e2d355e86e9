import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { allGone, processesOf } from "../support/processes.ts";
import { command, ended } from "../support/pulumi.ts";
import { HostileStack } from "./support/hostile-stack.ts";

const plugin = fileURLToPath(new URL("./support/hostile-plugin.mjs", import.meta.url));

describe(
  "the processes of an operation",
  { timeout: 240_000, skip: process.platform !== "linux" && "needs /proc" },
  () => {
    let stack: HostileStack;
    before(async () => {
      // a program and a plugin that listen to no signal, a dynamic provider that waits, and what they started themselves
      stack = await HostileStack.create(`
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => undefined);
      require("node:child_process").spawn("sleep", ["1000"]);
      const well = new pulumi.CustomResource("hostile:index:Thing", "well", { does: "well" });
      new Thing("gate", { gate: process.env.GATE }, { dependsOn: [well] });`);
      const { sandbox } = stack;
      const bin = join(sandbox.folder, "bin");
      await mkdir(bin);
      const script = join(bin, "pulumi-resource-hostile");
      // no Node of the engine's own: a shell that ignores signals, and has the plugin as its child
      await writeFile(script, `#!/bin/sh\ntrap '' INT TERM HUP\n'${process.execPath}' '${plugin}' "$@"\n`);
      await chmod(script, 0o755);
      sandbox.env["PATH"] = [bin, process.env["PATH"]].join(delimiter);
    });
    after(() => stack.remove());

    /** Starts an update in a process group of its own, as a shell does, and waits until it is at the gate. */
    async function atTheGate(gate: string) {
      await writeFile(stack.sandbox.env["LEDGER"] ?? "", "");
      const child = spawn(process.execPath, [command, "up", "--yes", "--skip-preview", "--non-interactive"], {
        cwd: stack.sandbox.work,
        env: { ...stack.sandbox.env, GATE: gate },
        detached: true,
      });
      const done = ended(child);
      while (!(await stack.ledger()).includes("begin gate")) assert.equal(child.exitCode, null);
      const running = (await processesOf(stack.sandbox)).map(({ command: line }) => line).join("\n");
      for (const part of ["cmd/run", "cmd/dynamic-provider", "hostile-plugin.mjs", "sleep 1000"])
        assert.ok(running.includes(part), `${part} is not among\n${running}`);
      return { child, done };
    }

    it("are gone when the engine was killed with -9, whatever they are", async () => {
      const { child, done } = await atTheGate("killed");
      child.kill("SIGKILL");
      await done;
      await allGone(stack.sandbox);
      assert.deepEqual(await stack.pending(), ["creating gate"]);
    });

    it("do not hear the Ctrl-C of the terminal: what runs comes to its end first", async () => {
      const { child, done } = await atTheGate("terminal");
      // a terminal sends it to the whole group
      process.kill(-(child.pid ?? 0), "SIGINT");
      await writeFile(join(stack.sandbox.env["GATES"] ?? "", "terminal"), "");
      const { code, stdout, stderr } = await done;
      assert.equal(code, 8, stdout + stderr);
      assert.ok((await stack.ledger()).includes("create gate"));
      assert.deepEqual((await stack.names()).sort(), ["gate", "well"]);
      await allGone(stack.sandbox);
    });
  },
);
