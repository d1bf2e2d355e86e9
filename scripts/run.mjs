#!/usr/bin/env node
// run.mjs SCRIPT [ARGS]: runs a script of this project with a Node that knows TypeScript, and with that Node and the
// project's own commands first on PATH. Signals and the exit code pass through.
import { spawn } from "node:child_process";
import path from "node:path";
import { findNode, ROOT } from "./node-version.mjs";

const node = findNode();
if (node === undefined) {
  process.stderr.write(
    `Node ${process.version} is too old and .automatos/node holds none: run \`node scripts/setup.mjs\` first.\n`,
  );
  process.exit(1);
}
const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  process.stderr.write("usage: node scripts/run.mjs SCRIPT [ARGS]\n");
  process.exit(2);
}
const bin = [path.dirname(node), path.join(ROOT, "node_modules", ".bin")].join(path.delimiter);
/** Providers of real things. The rehearsed clouds are not among them: who wants one names it in Pulumi.yaml. */
const plugins = ["kubernetes", "random", "docker"].map((name) => path.join(ROOT, "engine-providers", name, "bin"));
const child = spawn(node, [path.resolve(ROOT, script), ...args], {
  stdio: "inherit",
  env: {
    ...process.env,
    PATH: `${bin}${path.delimiter}${process.env.PATH ?? ""}`,
    // Where the embedded engine looks for a plugin that is installed nowhere; a real pulumi does not read it.
    AUTOMATOS_PLUGIN_PATH: process.env.AUTOMATOS_PLUGIN_PATH ?? plugins.join(path.delimiter),
    // Compiled code is kept with the rest of what the project writes, and nowhere else.
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? path.join(ROOT, ".automatos", "compile-cache"),
  },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("error", (error) => {
  process.stderr.write(`${node}: ${error.message}\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
