import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { findPlugin } from "../../src/deploy/provider/plugin-search.ts";
import type { ProjectPlugin } from "../../src/model.ts";

describe("a provider plugin is searched for", () => {
  let root = "";
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), "engine-search-"))));
  afterEach(() => rmSync(root, { recursive: true }));

  const folder = (name: string) => {
    mkdirSync(join(root, name), { recursive: true });
    return join(root, name);
  };
  const binaryIn = (name: string) => {
    const file = join(folder(name), "pulumi-resource-x");
    writeFileSync(file, "#!/bin/sh\n");
    chmodSync(file, 0o755);
    return file;
  };
  const find = (options: { version?: string; plugins?: ProjectPlugin[]; env?: NodeJS.ProcessEnv } = {}) =>
    findPlugin({
      name: "x",
      version: options.version ?? "",
      projectPlugins: options.plugins ?? [],
      env: { PATH: join(root, "bin"), PULUMI_HOME: join(root, "home"), ...options.env },
    });

  it("in the project, on PATH, among the installed, in AUTOMATOS_PLUGIN_PATH: in this order", () => {
    const last = binaryIn("last");
    const env = { AUTOMATOS_PLUGIN_PATH: [folder("empty"), join(root, "last")].join(delimiter) };
    assert.deepEqual(find({ env }), { binary: last });
    const installed = binaryIn("home/plugins/resource-x-v1.2.0");
    assert.deepEqual(find({ env }), { binary: installed });
    const onPath = binaryIn("bin");
    assert.deepEqual(find({ env }), { binary: onPath });
    assert.deepEqual(find({ env: { ...env, PULUMI_IGNORE_AMBIENT_PLUGINS: "true" } }), { binary: installed });
    const own = binaryIn("own");
    assert.deepEqual(find({ env, plugins: [{ name: "x", path: join(root, "own") }] }), { binary: own });
  });

  it("in the version that is asked for, the newest of the installed otherwise", () => {
    const [old, recent] = [binaryIn("home/plugins/resource-x-v1.9.0"), binaryIn("home/plugins/resource-x-v1.10.0")];
    binaryIn("home/plugins/resource-x-v1.11.0");
    writeFileSync(join(root, "home/plugins/resource-x-v1.11.0.partial"), "");
    assert.deepEqual(find(), { binary: recent });
    assert.deepEqual(find({ version: "1.9.0" }), { binary: old });
    const plugins = [{ name: "x", path: folder("own"), version: "3.0.0" }];
    assert.deepEqual(find({ version: "1.9.0", plugins }), { binary: old });
    assert.throws(() => find({ version: "2.0.0", plugins }), {
      code: "PLUGIN_MISSING",
      message:
        /no resource plugin x of version 2.0.0 .*own, which is version 3.0.0, PATH, .*home\/plugins, AUTOMATOS_PLUGIN_PATH, which is not set/,
    });
  });

  it("as an executable, or as a folder with PulumiPlugin.yaml", () => {
    const source = folder("source");
    writeFileSync(join(source, "PulumiPlugin.yaml"), "runtime: nodejs\n");
    assert.deepEqual(find({ plugins: [{ name: "x", path: source }] }), { source });
    const installed = folder("home/plugins/resource-x-v0.1.0");
    writeFileSync(join(installed, "PulumiPlugin.yaml"), "runtime: nodejs\n");
    assert.deepEqual(find(), { source: installed });
  });

  it("and missed with every place that was looked at, and what to do", () => {
    const plugins = [
      { name: "x", path: folder("nothing") },
      { name: "y", path: folder("other") },
    ];
    writeFileSync(join(folder("bin"), "pulumi-resource-x"), "not executable");
    assert.throws(() => find({ plugins }), {
      message:
        /looked in .*nothing, which the project names and has neither pulumi-resource-x nor PulumiPlugin.yaml, PATH/,
      remedy: /plugins.providers.*pulumi plugin install resource x$/,
    });
    assert.throws(() => find({ plugins: [{ name: "x", path: join(root, "gone") }] }), {
      code: "PLUGIN_START_FAILED",
      message: /names the folder .*gone, which is not there/,
    });
  });
});
