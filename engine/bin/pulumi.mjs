#!/usr/bin/env node
// The `pulumi` command: hands over to Pulumi's own when the machine has it, and is the embedded engine otherwise.
// Plain JavaScript, so that a Node that is too old for the engine can still say so.
import * as module from "node:module";
import { dirname, join } from "node:path";
import { chooseEngine, handOver } from "./choose-engine.mjs";

const neededNode = [22, 18];

const choice = chooseEngine(process.env);
if (choice.error !== undefined) {
  process.stderr.write(`error: ${choice.error}\n`);
  process.exitCode = 1;
} else if (choice.command !== undefined) {
  handOver(choice.command, process.argv.slice(2));
} else if (!isNewEnough(process.versions.node)) {
  process.stderr.write(
    `error: the embedded engine needs Node ${neededNode.join(".")} or later; this is Node ${process.versions.node} (${process.execPath})\n`,
  );
  process.exitCode = 1;
} else {
  // half of the time that a short command takes is spent on reading code: what came of it is kept between runs, for
  // this process and for the programs and providers that it starts
  process.env.NODE_COMPILE_CACHE ??= join(modulesFolder(), ".cache", "engine-compiled");
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  const { main } = await import("../src/cli/main.ts");
  process.exitCode = await main(process.argv.slice(2));
  // what a program or a provider left open must not keep a finished command alive
  process.stdout.write("", () => process.exit());
}

/** Where the packages are that this one needs: its own folder of them, or that of what it is installed in. */
function modulesFolder() {
  const sdk = module.createRequire(import.meta.url).resolve("@pulumi/pulumi/package.json");
  return join(dirname(sdk), "..", "..");
}

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > neededNode[0] || (major === neededNode[0] && minor >= neededNode[1]);
}
