import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { LocalWorkspace, PulumiCommand, RemoteWorkspace, type Stack } from "@pulumi/pulumi/automation/index.js";
import { AutomationSandbox } from "./support/automation.ts";

describe("the `pulumi` command as the SDK finds it", { timeout: 120_000 }, () => {
  let sandbox: AutomationSandbox;
  before(async () => {
    sandbox = await AutomationSandbox.create();
  });
  after(() => sandbox.remove());

  it("is on PATH, or in the folder of an installation, of a version that the SDK takes", async () => {
    const sdk = JSON.parse(
      await readFile(join(sandbox.work, "node_modules", "@pulumi", "pulumi", "package.json"), "utf8"),
    ) as { version: string };
    for (const found of [await PulumiCommand.get(), await PulumiCommand.get({ root: sandbox.folder })])
      assert.equal(found.version?.version, sdk.version);
    // an installation of that version is there already: nothing is downloaded
    const installed = await PulumiCommand.install({ root: sandbox.folder });
    assert.equal(installed.command, join(sandbox.folder, "bin", "pulumi"));
  });

  it("of a later version than it is cannot be had", async () => {
    const { version } = await PulumiCommand.get();
    assert.ok(version);
    await assert.rejects(PulumiCommand.get({ version: version.inc("minor") }), /Minimum version requirement failed/);
  });
});

describe("a workspace", { timeout: 240_000 }, () => {
  let sandbox: AutomationSandbox;
  let stack: Stack;
  before(async () => {
    sandbox = await AutomationSandbox.create();
    stack = await LocalWorkspace.createStack(
      { stackName: "dev", workDir: sandbox.work },
      { ...sandbox.options, projectSettings: { name: "space", runtime: "nodejs" }, secretsProvider: "passphrase" },
    );
  });
  after(() => sandbox.remove());

  it("writes and reads its project's and its stacks' settings", async () => {
    const { workspace } = stack;
    await workspace.saveProjectSettings({ ...(await workspace.projectSettings()), description: "of a test" });
    assert.equal((await workspace.projectSettings()).description, "of a test");
    const settings = await workspace.stackSettings("dev");
    assert.match(settings.encryptionSalt ?? "", /^v1:/);
    await workspace.saveStackSettings("dev", { ...settings, config: { "space:saved": "yes" } });
    assert.deepEqual(await stack.getConfig("saved"), { value: "yes", secret: false });
    await stack.removeConfig("saved");
  });

  it("knows who works and which stacks there are", async () => {
    const { user, url } = await stack.workspace.whoAmI();
    assert.ok(user);
    assert.equal(url, sandbox.envVars["PULUMI_BACKEND_URL"]);
    await stack.workspace.createStack("other");
    assert.deepEqual((await stack.workspace.stack())?.name, "other");
    await stack.workspace.selectStack("dev");
    const stacks = await stack.workspace.listStacks({ all: true });
    assert.deepEqual(stacks.map(({ name, current }) => [name, current]).sort(), [
      ["dev", true],
      ["other", false],
    ]);
    await stack.workspace.removeStack("other", { force: true, preserveConfig: true });
    assert.deepEqual(
      (await stack.workspace.listStacks()).map(({ name }) => name),
      ["dev"],
    );
  });

  it("sets, reads and removes configuration: one, many, by path, as JSON, secret", async () => {
    await stack.setConfig("one", { value: "--looks like a flag" });
    await stack.setConfig("word", { value: "hunter2", secret: true });
    await stack.setConfig("deep.list[0]", { value: "first" }, true);
    await stack.setAllConfig({ a: { value: "1=2" }, b: { value: "s", secret: true }, "other:c": { value: "" } });
    await stack.setAllConfig({ "deep.list[1]": { value: "2" }, "deep.word": { value: "s", secret: true } }, true);
    assert.deepEqual(await stack.getConfig("one"), { value: "--looks like a flag", secret: false });
    assert.deepEqual(await stack.getConfig("word"), { value: "hunter2", secret: true });
    assert.equal((await stack.getConfig("deep.list[1]", true)).value, "2");
    const all = await stack.getAllConfig();
    assert.deepEqual(Object.keys(all).sort(), [
      "other:c",
      "space:a",
      "space:b",
      "space:deep",
      "space:one",
      "space:word",
    ]);
    assert.deepEqual(all["space:b"], { value: "s", secret: true });
    assert.ok(!(await readFile(join(sandbox.work, "Pulumi.dev.yaml"), "utf8")).includes("hunter2"));

    await stack.setAllConfigJson(JSON.stringify({ "space:json": { value: "j", secret: false } }));
    assert.equal((await stack.getConfig("json")).value, "j");
    await stack.removeConfig("deep.list[0]", true);
    assert.equal((await stack.getConfig("deep.list[0]", true)).value, "2");
    await stack.removeAllConfig(["a", "b", "json", "deep"]);
    assert.deepEqual(Object.keys(await stack.getAllConfig()).sort(), ["other:c", "space:one", "space:word"]);
    await assert.rejects(stack.getConfig("a"), /configuration key 'a' not found for stack 'dev'/);
  });

  it("takes the configuration of the last update back", async () => {
    await sandbox.program("");
    await stack.up();
    await stack.setAllConfig({ one: { value: "changed" }, more: { value: "new" } });
    const config = await stack.refreshConfig();
    assert.equal(config["space:one"]?.value, "--looks like a flag");
    assert.equal(config["space:more"], undefined);
    assert.deepEqual(config["space:word"], { value: "hunter2", secret: true });
  });

  it("tags stacks", async () => {
    await stack.setTag("owner", "the team");
    await stack.setTag("gone", "x");
    assert.equal(await stack.getTag("owner"), "the team");
    await stack.removeTag("gone");
    const tags = await stack.listTags();
    assert.equal(tags["owner"], "the team");
    assert.equal(tags["gone"], undefined);
    await assert.rejects(stack.getTag("gone"), /not found/);
  });

  it("lists plugins, and says of one that cannot be had why", async () => {
    assert.ok(Array.isArray(await stack.workspace.listPlugins()));
    await assert.rejects(stack.workspace.installPlugin("nowhere", "v1.2.3"), /nowhere/);
    await assert.rejects(stack.workspace.installPluginFromServer("nowhere", "v1.2.3", "http://localhost:1"), /nowhere/);
    await stack.workspace.removePlugin("nowhere");
  });

  it("installs what the program needs, or as much of it as is asked for", async () => {
    await (stack.workspace as LocalWorkspace).install({ noDependencies: true, noPlugins: true });
  });

  it("refuses what only Pulumi Cloud has, by name", async () => {
    await assert.rejects(stack.addEnvironments("env"), /config env/);
    await assert.rejects(stack.listEnvironments(), /config env/);
    await assert.rejects(stack.removeEnvironment("env"), /config env/);
    await assert.rejects(stack.orgGetDefault(), /pulumi org/);
    await assert.rejects(stack.orgSetDefault("someone"), /pulumi org/);
    await assert.rejects(
      RemoteWorkspace.createStack({
        stackName: "org/project/dev",
        url: "https://example.test/repository.git",
        branch: "main",
      }),
      /remote operations/,
    );
  });

  it("passes its environment variables on to the program", async () => {
    stack.workspace.envVars["FOR_THE_PROGRAM"] = "told";
    await sandbox.program(`exports.told = process.env.FOR_THE_PROGRAM;`);
    assert.equal((await stack.up()).outputs["told"]?.value, "told");
    assert.equal(process.env["FOR_THE_PROGRAM"], undefined);
  });
});
