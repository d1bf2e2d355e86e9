#!/usr/bin/env node
// Plain JavaScript, so that any Node can start it: the rest is TypeScript, which Node runs from 22.18 on.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 22 || (major === 22 && minor >= 18)) {
  // Halves the time to start. Where nothing of ours is set up, nothing of ours is written.
  if (process.env.NODE_COMPILE_CACHE === undefined && existsSync(path.join(ROOT, ".automatos"))) {
    module.enableCompileCache(path.join(ROOT, ".automatos", "compile-cache"));
  }
  hideTypeStrippingWarning();
  const { run } = await import("./run.ts");
  await run(process.argv);
} else {
  runWithOwnNode();
}

/** Node 22 and 23 call the stripping of types experimental on every start. */
function hideTypeStrippingWarning() {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = (warning, ...rest) => {
    const type = typeof rest[0] === "string" ? rest[0] : rest[0]?.type;
    if (type !== "ExperimentalWarning") emitWarning(warning, ...rest);
  };
}

/** The set-up brings a newer Node to the project where the machine's is too old. */
function runWithOwnNode() {
  const executable = process.platform === "win32" ? "node.exe" : "node";
  const own = path.join(ROOT, ".automatos", "node", "node_modules", "node", "bin", executable);
  if (!existsSync(own)) {
    console.error(`error: Node ${process.versions.node} is too old: automatos needs 22.18 or newer`);
    console.error("Run `npm start` in the project once: it brings a newer Node. Or install one.");
    process.exit(1);
  }
  const child = spawn(own, process.argv.slice(1), { stdio: "inherit" });
  // Ctrl-C reaches the child by itself, being of the same terminal; it decides what that means.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    console.error(`error: ${own} cannot be started: ${error.message}`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => (signal === null ? process.exit(code ?? 1) : process.exit(1)));
}
