import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../support/pulumi.ts";
import { importState, plainSecret, stackUrn, stateOnDisk, urnOf } from "../support/state.ts";

const provider = urnOf("default", "pulumi:providers:t");
const resources = [
  { urn: stackUrn, custom: false, type: "pulumi:pulumi:Stack", outputs: { hidden: plainSecret({ key: "s3cret" }) } },
  { urn: provider, custom: true, id: "p1", type: "pulumi:providers:t" },
  { urn: urnOf("a"), custom: true, id: "a", type: "t:m:T", parent: stackUrn, provider: `${provider}::p1` },
  {
    urn: urnOf("b", "t:m:T$t:m:T"),
    custom: true,
    id: "b",
    type: "t:m:T",
    parent: urnOf("a"),
    provider: `${provider}::p1`,
    dependencies: [urnOf("a")],
    propertyDependencies: { size: [urnOf("a")], name: [urnOf("a")], other: [] },
    deletedWith: urnOf("a"),
    inputs: {
      ref: { "4dabf18193072939515e22adb298388d": "5cf8f73096256a8f31e491e813e4eb8e", urn: urnOf("a"), id: "a" },
    },
  },
];

describe("the commands of a stack's life", () => {
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.create();
    await sandbox.succeed("stack init dev");
    await sandbox.succeed("config set --secret password hunter2");
    await importState(sandbox, resources);
  });
  after(() => sandbox.remove());

  it("graph: a line for each dependency and each parent, in the DOT language", async () => {
    const file = join(sandbox.work, "graph.dot");
    assert.match(await sandbox.succeed(["stack", "graph", file]), /Wrote stack dependency graph to `.*graph\.dot`/);
    const dot = await readFile(file, "utf8");
    const id = (urn: string): string =>
      dot
        .split("\n")
        .find((line) => line.includes(`[label="${urn}"]`))
        ?.trim()
        .split(" ")[0] ?? assert.fail(urn);
    const [a, b] = [id(urnOf("a")), id(urnOf("b", "t:m:T$t:m:T"))];
    assert.match(dot, /^strict digraph \{\n/);
    assert.ok(dot.includes(`${a} -> ${b} [color = "#246C60", label = "name, size"];`), dot);
    assert.ok(dot.includes(`${b} -> ${a} [color = "#AA6639"];`), dot);
    const flags = [
      "--short-node-name",
      "--ignore-parent-edges",
      "--dependency-edge-color",
      "red",
      "--dot-fragment",
      "rankdir=LR;",
    ];
    await sandbox.succeed(["stack", "graph", file, ...flags]);
    const short = await readFile(file, "utf8");
    assert.match(short, /^strict digraph \{\nrankdir=LR;\n/);
    assert.match(short, /label="sample-dev"/);
    assert.equal(short.includes("AA6639"), false);
    assert.match(short, /color = "red"/);
    assert.equal((await sandbox.run("stack graph")).code, 2);
    assert.equal((await sandbox.run("stack graph /nowhere/x.dot")).code, 1);
  });

  it("tags: set, get, listed, removed; the project is one of them", async () => {
    await sandbox.succeed("stack tag set team red");
    await sandbox.succeed("stack tag set owner:mail ada@example.org");
    assert.equal(await sandbox.succeed("stack tag get team"), "red\n");
    assert.deepEqual(JSON.parse(await sandbox.succeed("stack tag ls --json")), {
      "owner:mail": "ada@example.org",
      "pulumi:project": "sample",
      team: "red",
    });
    assert.match(await sandbox.succeed("stack tag ls"), /^NAME +VALUE\nowner:mail +ada@example\.org\n/);
    const file = join(sandbox.state, ".pulumi", "stacks", "sample", "dev.pulumi-tags");
    assert.deepEqual(JSON.parse(await readFile(file, "utf8")), {
      version: 1,
      tags: { team: "red", "owner:mail": "ada@example.org" },
    });
    const names = async (line: string): Promise<string[]> =>
      (JSON.parse(await sandbox.succeed(line)) as { name: string }[]).map(({ name }) => name);
    assert.deepEqual(await names("stack ls --json --tag team"), ["dev"]);
    assert.deepEqual(await names("stack ls --json --tag team=blue"), []);
    await sandbox.succeed("stack tag rm owner:mail");
    await sandbox.succeed("stack tag rm team");
    assert.equal(existsSync(file), false, "no tags, no file");
  });

  it("tags that cannot be are refused", async () => {
    const missing = await sandbox.run("stack tag get nope");
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /stack tag 'nope' not found for stack 'dev'/);
    for (const [name, value, reason] of [
      ["a b", "x", /may hold letters/],
      ["x".repeat(41), "x", /too long: 41 characters, at most 40/],
      ["long", "x".repeat(257), /value of 'long' is too long: 257/],
    ] as const) {
      const refused = await sandbox.run(["stack", "tag", "set", name, value]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, reason);
    }
    const file = join(sandbox.state, ".pulumi", "stacks", "sample", "dev.pulumi-tags");
    await writeFile(file, '{"version": 9, "tags": {}}');
    assert.match((await sandbox.run("stack tag ls")).stderr, /its version is 9; this engine knows 1/);
    await writeFile(file, '{"version": 1, "tags": {"kept": "yes"}}');
  });

  it("rename: the state, its names, history, tags and settings go along", async () => {
    await mkdir(join(sandbox.state, ".pulumi", "history", "sample", "dev"), { recursive: true });
    const record = { kind: "update", startTime: 1, message: "m", environment: {}, config: {}, version: 0 };
    const done = { ...record, result: "succeeded", endTime: 2, resourceChanges: {} };
    await writeFile(
      join(sandbox.state, ".pulumi", "history", "sample", "dev", "dev-1000000000000000000.history.json"),
      JSON.stringify(done),
    );
    assert.equal(await sandbox.succeed("stack rename prod"), "Renamed dev to prod\n");
    const { resources: renamed = [] } = await stateOnDisk(sandbox, "prod");
    const text = JSON.stringify(renamed);
    assert.equal(text.includes("urn:pulumi:dev::"), false, text);
    assert.equal(renamed[0]?.urn, "urn:pulumi:prod::sample::pulumi:pulumi:Stack::sample-prod");
    assert.equal(renamed[3]?.["provider"], `${provider.replace(":dev:", ":prod:")}::p1`);
    assert.equal((renamed[3].inputs?.["ref"] as { urn: string }).urn, urnOf("a").replace(":dev:", ":prod:"));
    assert.equal(await sandbox.succeed("stack --show-name"), "prod\n");
    assert.equal(await sandbox.succeed("stack tag get kept"), "yes\n");
    assert.match(await sandbox.succeed("stack history --json"), /"message": "m"/);
    assert.equal(await sandbox.succeed("config get password"), "hunter2\n");
    assert.equal(await sandbox.succeed("stack output hidden --show-secrets"), '{"key":"s3cret"}\n');
    assert.equal(existsSync(join(sandbox.work, "Pulumi.dev.yaml")), false);
    await sandbox.succeed("stack init taken");
    const refused = await sandbox.run("stack rename taken -s prod");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /stack 'organization\/sample\/taken' already exists/);
    await sandbox.succeed("stack rm taken --yes");
    await sandbox.succeed("stack rename dev -s prod");
  });

  it("unselect: no stack is selected, and a second time nothing is said", async () => {
    assert.match((await sandbox.run("stack unselect")).stderr, /Stack was unselected/);
    assert.equal((await sandbox.run("stack --show-name")).code, 6);
    assert.equal((await sandbox.run("stack unselect")).stderr, "");
    await sandbox.succeed("stack select dev");
  });

  it("change-secrets-provider: everything is encrypted anew, and the old passphrase opens nothing", async () => {
    const before = await stateOnDisk(sandbox);
    const refused = await sandbox.run("stack change-secrets-provider awskms://x");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /the secrets provider 'awskms:\/\/x': only passphrase is built in/);
    assert.equal((await sandbox.run("stack change-secrets-provider passphrase")).code, 2, "no passphrase was given");
    await sandbox.succeed("stack change-secrets-provider passphrase", "battery staple\n");
    assert.notEqual((await stateOnDisk(sandbox)).secrets_providers?.state?.salt, before.secrets_providers?.state?.salt);
    assert.match((await sandbox.run("config get password")).stderr, /incorrect passphrase/);
    sandbox.env["PULUMI_CONFIG_PASSPHRASE"] = "battery staple";
    assert.equal(await sandbox.succeed("config get password"), "hunter2\n");
    assert.equal(await sandbox.succeed("stack output hidden --show-secrets"), '{"key":"s3cret"}\n');
  });

  it("init --copy-config-from: with the other's values, secrets in one's own", async () => {
    await sandbox.succeed("stack init copy --copy-config-from dev");
    assert.equal(await sandbox.succeed("config get password"), "hunter2\n");
    const [one, other] = await Promise.all(
      ["dev", "copy"].map((name) => readFile(join(sandbox.work, `Pulumi.${name}.yaml`), "utf8")),
    );
    assert.notEqual(/secure: (\S+)/.exec(one ?? "")?.[1], /secure: (\S+)/.exec(other ?? "")?.[1]);
    await sandbox.succeed("stack rm copy --yes");
  });

  it("ls: of this project, of another, of all; names in full where that is asked for", async () => {
    await sandbox.succeed("stack init organization/elsewhere/dev");
    await sandbox.succeed("stack select organization/sample/dev");
    const names = async (line: string): Promise<string[]> =>
      (JSON.parse(await sandbox.succeed(line)) as { name: string }[]).map(({ name }) => name);
    assert.deepEqual(await names("stack ls --json"), ["dev"]);
    assert.deepEqual(await names("stack ls --json --all"), ["dev", "organization/elsewhere/dev"]);
    assert.deepEqual(await names("stack ls --output json --project elsewhere"), ["organization/elsewhere/dev"]);
    assert.deepEqual(await names("stack ls --json --fully-qualify-stack-names"), ["organization/sample/dev"]);
    assert.deepEqual(await names("stack ls --json --all --organization other"), []);
    assert.match(await sandbox.succeed("stack ls"), /^NAME +LAST UPDATE +RESOURCE COUNT\ndev\* .* ago +4\n$/);
    const outside = await sandbox.run(["-C", sandbox.folder, "stack", "ls"]);
    assert.match(outside.stderr, /no Pulumi\.yaml found/);
  });

  it("history: pages, the newest first; a stack that was never updated", async () => {
    const folder = join(sandbox.state, ".pulumi", "history", "sample", "dev");
    for (let n = 2; n <= 12; n += 1)
      await writeFile(
        join(folder, `dev-10000000000000000${String(n).padStart(2, "0")}.history.json`),
        JSON.stringify({
          kind: "refresh",
          startTime: 1_700_000_000 + n,
          message: `number ${n}`,
          environment: { "exec.kind": "cli" },
          config: { "sample:plain": "x", "sample:map": { a: 1 }, "sample:secret": { secure: "v1:broken:x" } },
          version: 0,
          result: "failed",
          endTime: 1_700_000_061 + n,
          resourceChanges: { create: 1, same: 2 },
        }),
      );
    const messages = async (...flags: string[]): Promise<string[]> =>
      (JSON.parse(await sandbox.succeed(["stack", "history", "--json", ...flags])) as { message: string }[]).map(
        ({ message }) => message,
      );
    assert.deepEqual(await messages("--page-size", "2"), ["number 12", "number 11"]);
    assert.deepEqual(await messages("--page-size", "2", "--page", "2"), ["number 10", "number 9"]);
    assert.equal((await messages("--page-size", "0")).length, 12);
    assert.equal((await messages()).length, 10);
    const [latest] = JSON.parse(await sandbox.succeed("stack history --json --show-secrets --page-size 1")) as {
      config: object;
    }[];
    assert.deepEqual(latest?.config, {
      "sample:plain": { value: "x", secret: false },
      "sample:map": { value: '{"a":1}', objectValue: { a: 1 }, secret: false },
      "sample:secret": { value: "ERROR_UNABLE_TO_DECRYPT", secret: true },
    });
    assert.match(
      await sandbox.succeed("stack history --page-size 1 --full-dates"),
      /Version: 0\nUpdateKind: refresh\nStatus: failed\nMessage: number 12\n\+1-0~0 2 Updated 2023-\S+Z took 1m1s\n {4}exec\.kind: cli\n/,
    );
    assert.equal(await sandbox.succeed("stack history --page 9"), "No stack updates found on page '9'\n");
    await sandbox.succeed("stack init fresh");
    assert.equal(await sandbox.succeed("stack history"), "Stack has never been updated\n");
    assert.equal((await sandbox.run("stack history --page 0")).code, 2);
  });
});
