import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { processesOf, until } from "../../../engine/tests/support/processes.ts";
import { ended, Sandbox } from "../../../engine/tests/support/pulumi.ts";

const BIN = fileURLToPath(new URL("./shelf/", import.meta.url));
const LIBRARY = `
  const pulumi = require("@pulumi/pulumi");
  class Box extends pulumi.CustomResource {
    constructor(name, args, opts) { super("shelf:index:Box", name, { serial: undefined, ...args }, opts); }
  }
`;

describe("a provider made with this library", () => {
  let sandbox: Sandbox;
  let folder: string;
  before(async () => {
    sandbox = await Sandbox.create({ env: { PATH: `${BIN}${delimiter}${process.env["PATH"] ?? ""}` } });
    folder = join(sandbox.folder, "shelf");
    mkdirSync(folder);
    await sandbox.succeed("stack init dev");
  });
  after(() => sandbox.remove());

  const boxes = () => readdirSync(folder).map((id) => JSON.parse(readFileSync(join(folder, id), "utf8")) as unknown);
  const program = (text: string) => sandbox.write("index.js", LIBRARY + text);

  it("refuses configuration in its own words", async () => {
    await program(`new Box("a", { label: "nails" });`);
    const { code, stdout, stderr } = await sandbox.run("up --yes --skip-preview");
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /shelf:folder is not set: name the folder of the boxes/);
    await sandbox.succeed(["config", "set", "shelf:folder", folder]);
  });

  it("previews, creates, updates, replaces, and keeps what is secret", async () => {
    await program(`exports.serial = new Box("a", { label: "nails" }).serial;`);
    const preview = await sandbox.succeed("preview");
    assert.match(preview, /boxes are files below/);
    assert.deepEqual(boxes(), []);

    await sandbox.succeed("up --yes --skip-preview");
    assert.deepEqual(boxes(), [{ colour: "brown", label: "nails" }]);
    assert.match(await sandbox.succeed("stack output"), /serial +\[secret\]/);
    assert.match(await sandbox.succeed("stack output serial --show-secrets"), /^no\. [0-9a-f-]{36}$/m);
    await sandbox.succeed("preview --expect-no-changes");

    await program(`new Box("a", { label: "screws" });`);
    assert.match(await sandbox.succeed("up --yes --skip-preview"), /~ +shelf:index:Box a updated/);
    await program(`new Box("a", { label: "screws", colour: "red" });`);
    assert.match(await sandbox.succeed("up --yes --skip-preview"), /shelf:index:Box a (replaced|created replacement)/);
    assert.deepEqual(boxes(), [{ label: "screws", colour: "red" }]);
  });

  it("works with what its configuration has become", async () => {
    const other = join(sandbox.folder, "other-shelf");
    mkdirSync(other);
    const on = (place: string) => `
      const key = pulumi.secret("of the shelf");
      const provider = new pulumi.ProviderResource("shelf", "explicit", { folder: ${JSON.stringify(place)}, key });`;
    await program(on(folder));
    await sandbox.succeed("up --yes --skip-preview");
    await sandbox.succeed("preview --expect-no-changes");
    await program(`${on(other)} new Box("b", { label: "moved" }, { provider });`);
    assert.match(await sandbox.succeed("up --yes --skip-preview"), /~ +pulumi:providers:shelf explicit updated/);
    assert.equal(readdirSync(other).length, 1);
    await program(`new Box("a", { label: "screws", colour: "red" });`);
    await sandbox.succeed("up --yes --skip-preview");
    assert.deepEqual(readdirSync(other), []);
  });

  it("reports what its check finds, with the property", async () => {
    await program(`new Box("a", { label: 7 });`);
    const { code, stdout } = await sandbox.run("preview");
    assert.notEqual(code, 0);
    assert.match(stdout, /label.*a box has a label that is a string/);
  });

  it("keeps a resource that is there but not healthy, with every reason", async () => {
    await program(`new Box("leak", { label: "leaky" });`);
    const { code, stdout } = await sandbox.run("up --yes --skip-preview");
    assert.notEqual(code, 0);
    assert.match(stdout, /it leaks[\s\S]*it smells/);
    const exported = JSON.parse(await sandbox.succeed("stack export")) as {
      deployment: { resources: { urn: string; initErrors?: string[] }[] };
    };
    const leak = exported.deployment.resources.find(({ urn }) => urn.endsWith("::leak"));
    assert.deepEqual(leak?.initErrors, ["it leaks", "it smells"]);
  });

  it("finds at refresh what was changed or removed by hand", async () => {
    for (const id of readdirSync(folder)) rmSync(join(folder, id));
    await sandbox.succeed("refresh --yes --skip-preview");
    assert.doesNotMatch(await sandbox.succeed("stack export"), /shelf:index:Box/);
  });

  it("answers functions, and names one that it has not", async () => {
    await program(`exports.loud = pulumi.output(pulumi.runtime.invoke("shelf:index:shout", { text: "hey" })).text;`);
    await sandbox.succeed("up --yes --skip-preview");
    assert.equal((await sandbox.succeed("stack output loud")).trim(), "HEY");
    await program(`pulumi.runtime.invoke("shelf:index:sing", {});`);
    const { code, stdout, stderr } = await sandbox.run("preview");
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /this provider has no function shelf:index:sing\. It knows shelf:index:shout\./);
  });

  it("ends when the engine is killed", { skip: process.platform !== "linux" && "needs /proc" }, async () => {
    await program(`new Box("a", { label: "nails" }); setInterval(() => {}, 1_000_000);`);
    const engine = sandbox.start(["up", "--yes", "--skip-preview"]);
    const done = ended(engine);
    const plugins = async () =>
      (await processesOf(sandbox)).filter(({ command }) => command.includes("pulumi-resource-shelf"));
    await until("the plugin runs", async () => (await plugins()).length > 0, 1_500);
    engine.kill("SIGKILL");
    await done;
    await until("no plugin is left", async () => (await plugins()).length === 0, 1_500);
  });

  it("says what it is to whoever starts it by hand", async () => {
    const { code, stderr } = await ended(spawn(process.execPath, [join(BIN, "pulumi-resource-shelf")]));
    assert.equal(code, 2);
    assert.match(stderr, /the engine starts with its own address as the argument; it was given none/);
  });
});
