/** An engine in a process of its own, whose checkpoints are a file: `node run-until-killed.ts <folder>`. */
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runOperation } from "../../../src/deploy/index.ts";

const folder = process.argv[2] ?? "";
await runOperation({
  kind: "update",
  dryRun: false,
  organization: "organization",
  project: "test",
  stack: "dev",
  projectDir: folder,
  program: folder,
  runtimeOptions: { typescript: false },
  config: new Map(),
  base: { resources: [], pendingOperations: [] },
  parallel: 16,
  targets: [],
  targetDependents: false,
  excludes: [],
  replaces: [],
  refreshFirst: false,
  signal: new AbortController().signal,
  checkpoint: async (snapshot) => {
    writeFileSync(join(folder, "state.tmp"), JSON.stringify(snapshot));
    renameSync(join(folder, "state.tmp"), join(folder, "state.json"));
  },
  onEvent: () => undefined,
  readStackOutputs: () => Promise.resolve(undefined),
});
