// Runs in a worker's container: makes a sandbox of the image's own source, runs a script in it, tells what came of it.
import { mkdtempSync } from "node:fs";
import type * as Sandboxes from "../../services/sandbox/create-sandbox.ts";

const [script = ""] = process.argv.slice(2);
/** No module of this tree: types are checked, and the image has it. */
const SANDBOX = ["/app", "services/sandbox/create-sandbox.ts"].join("/");
const { createSandbox } = (await import(SANDBOX)) as typeof Sandboxes;
const workspaceDir = mkdtempSync("/workspaces/");
const sandbox = createSandbox("bubblewrap", { runtimeDir: "/run/automatos" });
const { problem, limitedBy } = sandbox.status;
let output = "";
const exit =
  problem ??
  (await sandbox.run(
    {
      workspaceDir,
      uid: 1000,
      limits: { cpuMillicores: 2_000, memoryMb: 1_024, maxProcesses: 200, maxFileBytes: 2 ** 28 },
      gateway: undefined,
      environment: {},
    },
    {
      argv: ["/bin/sh", "-c", script],
      cwd: ".",
      environment: {},
      timeoutMs: 120_000,
      signal: new AbortController().signal,
      onOutput: (_stream, text) => void (output += text),
    },
  ));
process.stdout.write(JSON.stringify({ limitedBy, exit, output }));
