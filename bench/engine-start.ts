/**
 * What a start of the embedded engine costs: `pulumi version`, and the preview of a program without resources, against
 * a Node process that does nothing and one that loads Pulumi's SDK, which every program has to do.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EngineProject } from "./support/engine-project.ts";

const ROUNDS = 7;
const root = fileURLToPath(new URL("..", import.meta.url));

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function node(code: string): number {
  const startedAt = performance.now();
  spawnSync(process.execPath, ["-e", code], { cwd: root, stdio: "ignore" });
  return performance.now() - startedAt;
}

const project = await EngineProject.create("");
try {
  // what is compiled on the first start is kept: every later one is as those that are measured
  await project.run(["preview"]);
  const measures = { empty: [] as number[], sdk: [] as number[], version: [] as number[], preview: [] as number[] };
  // in turns, so that a machine that slows down slows all of them down
  for (let round = 0; round < ROUNDS; round += 1) {
    measures.empty.push(node(""));
    measures.sdk.push(node('require("@pulumi/pulumi")'));
    measures.version.push((await project.run(["version"])).milliseconds);
    measures.preview.push((await project.run(["preview"])).milliseconds);
  }
  const [empty, sdk, version, preview] = [measures.empty, measures.sdk, measures.version, measures.preview].map(median);
  const line = (name: string, time = 0) =>
    console.log(
      `${name.padEnd(34)} ${time.toFixed(0).padStart(6)} ms  ${(time / (empty ?? 1)).toFixed(1).padStart(5)} x an empty Node` +
        `  ${(time / (sdk ?? 1)).toFixed(1).padStart(5)} x loading the SDK`,
    );
  line("empty Node process", empty);
  line("Node process that loads the SDK", sdk);
  line("pulumi version", version);
  line("pulumi preview of an empty program", preview);
} finally {
  await project.remove();
}
