/** A service that is killed in the middle: starts three commands and says when each of them runs. */
import { mkdirSync } from "node:fs";
import { createSandbox } from "../../../services/sandbox/create-sandbox.ts";
import { WORKSPACE_UID } from "./support.ts";

const [runtimeDir = "", workspaceDir = "", mark = ""] = process.argv.slice(2);
mkdirSync(runtimeDir, { recursive: true });
const sandbox = createSandbox("bubblewrap", { runtimeDir });
await Promise.all(
  [1, 2, 3].map(() =>
    sandbox.run(
      {
        workspaceDir,
        uid: WORKSPACE_UID,
        limits: { cpuMillicores: 1_000, memoryMb: 200, maxProcesses: 20, maxFileBytes: 1_000_000 },
        gateway: undefined,
        environment: {},
      },
      {
        argv: ["/bin/sh", "-c", 'setsid sh -c "trap : TERM HUP; echo ready; while :; do sleep 1000; done" "$0"', mark],
        cwd: ".",
        environment: {},
        timeoutMs: 600_000,
        signal: new AbortController().signal,
        onOutput: (_stream, text) => void process.stdout.write(text),
      },
    ),
  ),
);
