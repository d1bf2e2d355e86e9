import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  CommandError,
  LocalWorkspace,
  StackAlreadyExistsError,
  StackNotFoundError,
  type EngineEvent,
  type Stack,
} from "@pulumi/pulumi/automation/index.js";
import { AutomationSandbox, kindOf, urnsOf } from "./support/automation.ts";

const fakeThing = `
  class FakeThing extends pulumi.CustomResource {
    constructor(name, args, opts) { super("fake:index:Thing", name, { full: undefined, ...args }, opts); }
  }`;

describe("a stack of a program in a folder", { timeout: 240_000 }, () => {
  let sandbox: AutomationSandbox;
  let stack: Stack;
  before(async () => {
    sandbox = await AutomationSandbox.create();
    await sandbox.program(`${fakeThing}
      const thing = new FakeThing("one", { name: "one", size: 1, word: pulumi.secret("hunter2") });
      exports.full = thing.full;
      exports.word = pulumi.secret("hunter2");
      console.log("said by the program");`);
  });
  after(() => sandbox.remove());

  const args = (stackName: string) => ({ stackName, workDir: sandbox.work });
  const options = () => ({
    ...sandbox.options,
    projectSettings: { name: "local", runtime: { name: "nodejs", options: { typescript: false } }, main: "index.js" },
  });

  it("is not selected before it is there, and not created twice", async () => {
    await assert.rejects(LocalWorkspace.selectStack(args("dev"), options()), StackNotFoundError);
    stack = await LocalWorkspace.createStack(args("dev"), options());
    await assert.rejects(LocalWorkspace.createStack(args("dev"), options()), StackAlreadyExistsError);
    assert.equal((await LocalWorkspace.createOrSelectStack(args("dev"), options())).name, "dev");
    assert.equal((await LocalWorkspace.selectStack(args("dev"), options())).name, "dev");
  });

  it("has neither history nor outputs before the first update", async () => {
    assert.equal(await stack.info(), undefined);
    assert.deepEqual(await stack.history(), []);
    assert.deepEqual(await stack.outputs(), {});
  });

  it("is previewed: counts, text, events, and nothing happens", async () => {
    const events: EngineEvent[] = [];
    let said = "";
    const { changeSummary, stdout } = await stack.preview({
      message: "look first",
      diff: true,
      color: "never",
      parallel: 3,
      userAgent: "a test",
      onOutput: (text) => (said += text),
      onEvent: (event) => events.push(event),
    });
    assert.deepEqual(changeSummary, { create: 2 });
    assert.equal(said.trim(), stdout.trim());
    assert.ok(events.some(({ resourcePreEvent }) => resourcePreEvent?.planning));
    assert.deepEqual(await sandbox.ledger(), ["configure"]);
    await assert.rejects(stack.preview({ expectNoChanges: true }), CommandError);
  });

  it("is brought up: outputs, summary, and what was said on both streams", async () => {
    let [out, err] = ["", ""];
    const events: EngineEvent[] = [];
    const { summary, outputs, stdout, stderr } = await stack.up({
      message: "the first",
      onOutput: (text) => (out += text),
      onError: (text) => (err += text),
      onEvent: (event) => events.push(event),
      suppressProgress: true,
      logToStdErr: true,
      logVerbosity: 1,
    });
    assert.deepEqual(outputs, { full: { value: "one", secret: false }, word: { value: "hunter2", secret: true } });
    assert.equal(out.trim(), stdout.trim());
    assert.equal(err.trim(), stderr.trim());
    assert.match(out, /said by the program/);
    assert.ok(!`${out}${err}${JSON.stringify(events)}`.includes("hunter2"));
    assert.equal(summary.message, "the first");
    assert.equal(summary.kind, "update");
    assert.equal(summary.result, "succeeded");
    assert.deepEqual(summary.resourceChanges, { create: 2 });
    assert.ok(summary.startTime <= summary.endTime && Date.now() - summary.endTime.getTime() < 600_000);
    assert.equal(summary.environment["exec.kind"], "auto.local");
    await stack.up({ expectNoChanges: true });
  });

  it("keeps to targets, replacements and exclusions", async () => {
    const urn = "urn:pulumi:dev::local::fake:index:Thing::one";
    const replaced = await stack.preview({ replace: [urn] });
    assert.equal(replaced.changeSummary.replace, 1);
    const targeted = await stack.preview({ target: [urn], targetDependents: true });
    assert.deepEqual(Object.keys(targeted.changeSummary), ["same"]);
    await stack.preview({ exclude: [urn], excludeDependents: true });
    await assert.rejects(
      stack.up({ target: ["urn:pulumi:dev::local::fake:index:Thing::none"] }),
      /could not be found in the stack/,
    );
  });

  it("is refreshed, in earnest and as a preview", async () => {
    // the plugin reads a size of 1 and no secret
    const previewed = await stack.previewRefresh();
    assert.equal(previewed.changeSummary.update ?? previewed.changeSummary.refresh, 1);
    const { summary } = await stack.refresh({ message: "look again", clearPendingCreates: true });
    assert.equal(summary.kind, "refresh");
    assert.equal(summary.message, "look again");
    await stack.refresh({ previewOnly: true });
    await stack.up();
  });

  it("takes in a resource that is there already", async () => {
    const imported = await stack.import({
      resources: [{ type: "fake:index:Thing", name: "taken", id: "taken-1" }],
      generateCode: false,
      protect: false,
    });
    assert.equal(imported.summary.result, "succeeded");
    const urns = await urnsOf(stack);
    assert.ok(urns.includes("urn:pulumi:dev::local::fake:index:Thing::taken"), urns.join("\n"));
  });

  it("tells its history, page by page, with and without secrets", async () => {
    const all = await stack.history();
    assert.ok(all.length >= 4);
    assert.equal(all.at(-1)?.message, "the first");
    assert.ok(all.every((update, index) => index === 0 || update.startTime <= (all[index - 1]?.startTime ?? 0)));
    assert.deepEqual(await stack.history(2, 2), all.slice(2, 4));
    assert.deepEqual(await stack.info(), all[0]);
    await stack.setConfig("word", { value: "hunter2", secret: true });
    await stack.up();
    const [masked] = await stack.history(1, 1, false);
    const [clear] = await stack.history(1, 1, true);
    assert.deepEqual(clear?.config["local:word"], { value: "hunter2", secret: true });
    assert.ok(!JSON.stringify(masked).includes("hunter2"));
  });

  it("is exported, imported and renamed", async () => {
    const exported = await stack.exportStack();
    assert.equal(exported.version, 3);
    assert.ok(JSON.stringify(exported).includes("hunter2"), "with secrets in the clear");
    await stack.importStack(exported);
    assert.deepEqual(await stack.outputs(), {
      full: { value: "one", secret: false },
      word: { value: "hunter2", secret: true },
    });
    await stack.rename({ stackName: "production" });
    assert.equal(stack.name, "production");
    const names = (await stack.workspace.listStacks()).map(({ name }) => name);
    assert.deepEqual(names, ["production"]);
    assert.ok((await urnsOf(stack)).every((urn) => urn.startsWith("urn:pulumi:production::")));
    await stack.up({ expectNoChanges: true });
  });

  it("is destroyed, as a preview first, and removed with its configuration", async () => {
    const { changeSummary } = await stack.previewDestroy();
    assert.equal(changeSummary.delete, 2);
    const kinds: string[] = [];
    await assert.rejects(stack.workspace.removeStack(stack.name), /still has resources/);
    const { summary } = await stack.destroy({ onEvent: (event) => kinds.push(kindOf(event)), continueOnError: true });
    assert.equal(summary.kind, "destroy");
    assert.equal(summary.resourceChanges?.delete, 2);
    assert.equal(kinds.at(-1), "cancelEvent");
    await stack.destroy({ remove: true });
    assert.deepEqual(await stack.workspace.listStacks(), []);
    assert.ok(!existsSync(join(sandbox.work, "Pulumi.production.yaml")));
    await assert.rejects(stack.up(), StackNotFoundError);
  });
});
