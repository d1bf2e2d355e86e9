import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";

const PROVIDERS = join(import.meta.dirname, "../..");
const sources = ["rehearsal", "gcp", "aws"].flatMap((provider) => {
  const folder = join(PROVIDERS, provider, "src");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return files.map((file) => ({ file: `${provider}/src/${file}`, text: readFileSync(join(folder, file), "utf8") }));
});

describe("a rehearsal", () => {
  it("has nothing to open a connection with but the library that speaks with the engine", () => {
    assert.ok(sources.length > 40, `${sources.length} files`);
    const modules = sources.flatMap(({ text }) => [...text.matchAll(/ from "([^"]+)"/g)].map(([, name]) => name ?? ""));
    const others = [...new Set(modules)].filter((name) => !name.startsWith(".")).sort();
    assert.deepEqual(others, [
      "@automatos/provider-plugin",
      "@automatos/provider-rehearsal",
      "node:crypto",
      "node:fs",
      "node:module",
      "node:path",
      "yaml",
      "zod",
    ]);
    for (const { file, text } of sources) assert.doesNotMatch(text, /\b(fetch|WebSocket|EventSource|import)\(/, file);
  });

  it("reads the environment for places alone, never for credentials", () => {
    const readers = sources.filter(({ text }) => text.includes("process.env")).map(({ file }) => file);
    assert.deepEqual(readers, ["rehearsal/src/rehearsed-provider.ts"]);
    const lists = sources.flatMap(({ text }) => [...text.matchAll(/VARIABLES? = (.*);|environment\[("\w+")\]/g)]);
    const names = lists.flatMap(([, list, name]) =>
      [...(list ?? name ?? "").matchAll(/"(\w+)"/g)].map(([, text]) => text),
    );
    assert.deepEqual([...new Set(names)].sort(), [
      "AWS_DEFAULT_REGION",
      "AWS_REGION",
      "CLOUDSDK_COMPUTE_REGION",
      "CLOUDSDK_COMPUTE_ZONE",
      "CLOUDSDK_CORE_PROJECT",
      "GCLOUD_PROJECT",
      "GCLOUD_REGION",
      "GCLOUD_ZONE",
      "GOOGLE_CLOUD_PROJECT",
      "GOOGLE_PROJECT",
      "GOOGLE_REGION",
      "GOOGLE_ZONE",
      "PULUMI_PROGRAM_DIRECTORY",
      "PULUMI_REHEARSAL_DIR",
      "PULUMI_REHEARSAL_FILE",
      "PULUMI_ROOT_DIRECTORY",
    ]);
  });
});
